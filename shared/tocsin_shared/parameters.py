"""Parameters of a job: what may be said when it is triggered, and is put into its task as `{{params.NAME}}`."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    model_validator,
)

from tocsin_shared.variables import VariableName, VariableValue
from tocsin_shared.wire import Text, UserModel

MOST_PARAMETERS: Final = 100
#: Bytes of all params of one run, as JSON.
MAX_PARAMS_BYTES: Final = 131_072

ParamValue = str | int | float | bool


class ParamType(StrEnum):
    """What a value has to be."""

    TEXT = "text"
    #: A finite number, or a text that is one.
    NUMBER = "number"
    #: One of the options.
    SELECT = "select"
    #: true or false, or one of these words.
    BOOLEAN = "boolean"


class Parameter(UserModel):
    """One parameter."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset({"default", "options", "description"})

    name: VariableName
    param_type: ParamType = ParamType.TEXT
    #: A run without it, and without a default, does not start.
    required: bool = False
    #: Taken when nothing was given.
    default: VariableValue | StrictBool | StrictInt | StrictFloat | None = None
    #: What a `select` can be.
    options: Annotated[list[VariableValue], Field(min_length=1, max_length=1_000)] | None = None
    description: Annotated[Text, Field(max_length=1_000)] | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if (self.param_type is ParamType.SELECT) != (self.options is not None):
            raise ValueError("`options` belong to a select, which needs them")
        if self.default is not None:
            try:
                self.fitting(self.default)
            except ValueError as error:
                raise ValueError(f"default: {error}") from None
        return self

    def fitting(self, value: Any) -> ParamValue:
        """The value in the form that is recorded. Raises ValueError that says what it must be."""
        match self.param_type:
            case ParamType.NUMBER:
                return _number(value)
            case ParamType.BOOLEAN:
                return _boolean(value)
            case ParamType.SELECT:
                if not isinstance(value, str) or value not in (self.options or ()):
                    raise ValueError("must be one of the options")
                return value
            case _:
                return _text(value)


def _number(value: Any) -> int | float:
    if isinstance(value, str) and len(value) <= 100 and value.strip() == value and "_" not in value:
        try:
            value = (
                int(value) if value.lstrip("+-").isascii() and value.lstrip("+-").isdigit() else float(value)
            )
        except ValueError:
            raise ValueError("must be a number") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    if value != value or abs(value) > 1e308:
        raise ValueError("must be a finite number")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("must be a number that fits into 64 bits")
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    if "\x00" in value:
        raise ValueError("must not contain NUL bytes")
    if len(value.encode("utf-8", "replace")) > 32_768:
        raise ValueError("must be at most 32768 bytes")
    return value


def _none_when_empty(value: Any) -> Any:
    return None if value == [] else value


def _unique(parameters: list[Parameter] | None) -> list[Parameter] | None:
    names = [parameter.name for parameter in parameters or ()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"there is more than one parameter named {', '.join(twice)}")
    return parameters


Parameters = Annotated[
    Annotated[list[Parameter], Field(max_length=MOST_PARAMETERS)] | None,
    BeforeValidator(_none_when_empty),
    AfterValidator(_unique),
]

"""A function's parameters as the fields of a form, and a form's values as the function's arguments."""

import enum
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tocsin_agent.sdk.execution import Execution
from tocsin_shared.task_types import FieldOption, FieldType, FormField, TaskType


@dataclass(frozen=True)
class Form:
    """How a parameter is asked for: `text: Annotated[str, Form(label="Text", field_type="textarea")]`."""

    label: str | None = None
    field_type: FieldType | str | None = None
    placeholder: str | None = None


class BadData(Exception):
    """The values do not fit; the message names the field, and shows no value."""


class Signature:
    """What a function asks for. Raises TypeError when it can't be a form."""

    def __init__(self, function: Callable[..., Any]) -> None:
        hints = typing.get_type_hints(function, include_extras=True)
        self._execution: str | None = None
        self._questions: dict[str, _Question] = {}
        for name, parameter in inspect.signature(function).parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
                raise TypeError(f"{function.__qualname__}: '{parameter}' can't be a field of a form")
            hint = hints.get(name, str)
            if hint is Execution:
                self._execution = name
            else:
                self._questions[name] = _question(
                    name, hint, is_required=parameter.default is parameter.empty
                )

    @property
    def fields(self) -> list[FormField]:
        """In the order of the parameters."""
        return [question.field for question in self._questions.values()]

    def arguments(self, execution: Execution) -> dict[str, Any]:
        """From the execution's data. Raises BadData."""
        data = execution.data
        if unknown := [name for name in data if name not in self._questions]:
            known = ", ".join(self._questions) or "none"
            raise BadData(f"There is no field '{unknown[0][:100]}' (fields: {known}).")
        found = {
            name: value
            for name, question in self._questions.items()
            if (value := question.read(data)) is not _ABSENT
        }
        return found if self._execution is None else {**found, self._execution: execution}


def task_type_of(function: Callable[..., Any], name: str, description: str | None) -> TaskType:
    """What is told of a function."""
    told = inspect.getdoc(function) if description is None else description
    fields = Signature(function).fields
    return TaskType(name=name, description=told or "", fields=fields)


_ABSENT: Any = object()


@dataclass(frozen=True)
class _Question:
    field: FormField
    adapter: TypeAdapter[Any]
    #: What forms send for an empty field is a value only where text is wanted.
    is_text: bool

    def read(self, data: Mapping[str, Any]) -> Any:
        value = data.get(self.field.name)
        if self.field.name not in data or (value == "" and not self.is_text):
            if self.field.required:
                raise BadData(f"The field '{self.field.name}' is missing.")
            return _ABSENT
        try:
            if isinstance(value, str) and self.field.field_type is FieldType.TEXTAREA and not self.is_text:
                return self.adapter.validate_json(value)
            return self.adapter.validate_python(value)
        except ValidationError as error:
            # Not the error's own text: that shows the value, which may be a secret.
            why = error.errors(include_input=False, include_url=False)[0]["msg"]
            raise BadData(f"The field '{self.field.name}' does not fit: {why}.") from None


def _question(name: str, hint: Any, *, is_required: bool) -> _Question:
    asked = next((extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Form)), Form())
    kind = _without_none(typing.get_args(hint)[0] if hasattr(hint, "__metadata__") else hint)
    options = _options(kind)
    field_type = FieldType(asked.field_type) if asked.field_type is not None else _field_type(kind, options)
    field: dict[str, Any] = {"name": name, "field_type": field_type}
    if is_required:
        field["required"] = True
    if asked.label is not None:
        field["label"] = asked.label
    if asked.placeholder is not None:
        field["placeholder"] = asked.placeholder
    if field_type is FieldType.SELECT:
        field["options"] = options
    return _Question(FormField(**field), TypeAdapter(hint), is_text=kind is str)


def _field_type(kind: Any, options: list[FieldOption] | None) -> FieldType:
    if options:
        return FieldType.SELECT
    if kind is str:
        return FieldType.TEXT
    return FieldType.NUMBER if kind in (int, float) else FieldType.TEXTAREA


def _options(kind: Any) -> list[FieldOption] | None:
    if typing.get_origin(kind) is typing.Literal:
        return [FieldOption(value=str(one), label=str(one)) for one in typing.get_args(kind)]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return [FieldOption(value=str(one.value), label=one.name) for one in kind]
    if kind is bool:
        return [FieldOption(value="true", label="yes"), FieldOption(value="false", label="no")]
    return None


def _without_none(hint: Any) -> Any:
    """The X of `X | None`."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)]
        if len(kinds) == 1:
            return kinds[0]
    return hint

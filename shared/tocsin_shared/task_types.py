"""What a third-party agent can do, as forms show it: each kind of work with the fields that it asks for."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from tocsin_shared.wire import Text, UserModel

#: Most kinds of work that one agent has.
MAX_TASK_TYPES = 1_000

_FieldName = Annotated[Text, StringConstraints(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]
_Line = Annotated[Text, Field(max_length=1_000)]


class FieldType(StrEnum):
    """How a field is asked for."""

    TEXT = "text"
    TEXTAREA = "textarea"
    #: Its value is a number, not text.
    NUMBER = "number"
    SELECT = "select"
    #: Not shown while it is typed. The value is best a reference to a secret: `{{NAME}}`.
    PASSWORD = "password"  # noqa: S105  a kind of field


class FieldOption(UserModel):
    """One choice of a select."""

    value: _Line
    label: _Line


class FormField(UserModel):
    """One key of a custom task's `data`."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset({"label", "placeholder", "options"})

    name: _FieldName
    #: For people; absent: the name.
    label: _Line | None = None
    field_type: FieldType
    required: bool = False
    #: Shown while the field is empty.
    placeholder: _Line | None = None
    #: The choices of a select.
    options: Annotated[list[FieldOption], Field(min_length=1, max_length=1_000)] | None = None

    @model_validator(mode="after")
    def _options_belong_to_selects(self) -> Self:
        if self.field_type is FieldType.SELECT and not self.options:
            raise ValueError("a select needs options")
        if self.field_type is not FieldType.SELECT and self.options is not None:
            raise ValueError("only a select has options")
        return self


class TaskType(UserModel):
    """One kind of work: what a custom task names in `agent_task_type`."""

    name: Annotated[Text, Field(min_length=1, max_length=255)]
    description: Annotated[Text, Field(max_length=10_000)] = ""
    fields: Annotated[list[FormField], Field(max_length=200)] = []

    @model_validator(mode="after")
    def _no_field_twice(self) -> Self:
        _refuse_twice([field.name for field in self.fields], "field")
        return self

    def given(self) -> dict[str, Any]:
        """What was said, and nothing else."""
        return self.model_dump(mode="json", exclude_unset=True, exclude_none=True)


class TaskTypes(UserModel):
    """All that one agent can do."""

    task_types: Annotated[list[TaskType], Field(max_length=MAX_TASK_TYPES)] = []

    @model_validator(mode="after")
    def _no_type_twice(self) -> Self:
        _refuse_twice([one.name for one in self.task_types], "task type")
        return self


def readable_task_types(told: list[Any]) -> list[TaskType]:
    """What an agent tells of itself, as far as it makes sense: an agent must not be turned away for a form."""
    found: dict[str, TaskType] = {}
    for one in told[:MAX_TASK_TYPES]:
        try:
            read = TaskType.model_validate(one, extra="ignore")
        except ValidationError:
            continue
        found.setdefault(read.name, read)
    return list(found.values())


def _refuse_twice(names: list[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} '{name}' stands there twice")
        seen.add(name)

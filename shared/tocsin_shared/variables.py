"""Variables as people write and read them: named values that tasks use as `{{NAME}}`."""

from datetime import datetime
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from tocsin_shared.wire import Instant, Model, ReturnedModel, Text, UserModel

#: Bytes of one value: more would not fit into a command line together with the rest.
MAX_VALUE_BYTES: Final = 32_768
MAX_NAME_CHARS: Final = 128
#: Variables that one installation can have.
MOST_VARIABLES: Final = 10_000


def _fits(value: str) -> str:
    if len(value.encode()) > MAX_VALUE_BYTES:
        raise ValueError(f"must be at most {MAX_VALUE_BYTES} bytes")
    return value


VariableName = Annotated[
    Text, StringConstraints(min_length=1, max_length=MAX_NAME_CHARS, pattern=r"^[A-Za-z0-9_]+$")
]
VariableValue = Annotated[Text, Field(max_length=MAX_VALUE_BYTES), AfterValidator(_fits)]


class VariableCreate(UserModel):
    """A new variable."""

    name: VariableName
    value: VariableValue
    #: Kept encrypted, shown as a mask, and taken out of what jobs print.
    secret: bool = False
    #: From then on it counts as not there; without it, it stays.
    expires_at: Instant | None = None


class VariableUpdate(ReturnedModel):
    """What changes. A variable that was read may be sent back as it is."""

    #: The mask of a secret keeps its value.
    value: VariableValue | None = None
    #: A secret becomes an ordinary variable only together with a new value.
    secret: bool | None = None
    #: null: it no longer expires.
    expires_at: Instant | None = None

    _read_only: ClassVar[frozenset[str]] = frozenset({"name", "updated_at"})


class VariableView(Model):
    """A variable; of a secret one the mask."""

    model_config = ConfigDict(extra="forbid")

    name: str
    value: str
    secret: bool
    #: Absent when it does not expire.
    expires_at: datetime | None = None
    updated_at: datetime

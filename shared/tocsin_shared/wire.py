"""The bases of every model on the wire, and JSON itself."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)


class Model(BaseModel):
    """The base of all others. What reads and writes one is built at its first use: most programs use few of them."""

    model_config = ConfigDict(defer_build=True)


class UserModel(Model):
    """What people send: unknown keys are refused by name, so a typo never passes silently."""

    model_config = ConfigDict(extra="forbid", str_max_length=1_000_000)

    #: Keys left out of the JSON when they are None; other optional keys are sent as null.
    omitted_when_none: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _leave_out(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        return {k: v for k, v in fields.items() if v is not None or k not in self.omitted_when_none}


class ReturnedModel(UserModel):
    """A change as people send it, in which what was read may come back: keys that only answers have say nothing."""

    _read_only: ClassVar[frozenset[str]]

    @model_validator(mode="before")
    @classmethod
    def _drop_read_only(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: v for k, v in value.items() if k not in cls._read_only}


class AgentModel(Model):
    """What agents send: unknown keys are tolerated, so newer and third-party agents keep working."""

    model_config = ConfigDict(extra="ignore")


def _no_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("must not contain NUL bytes")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode (lone surrogate found)") from None
    return value


def storable(value: str) -> str:
    """What others said, without what PostgreSQL or JSON can't hold."""
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999 in UTC") from None


#: Text that PostgreSQL and JSON can both hold.
Text = Annotated[str, AfterValidator(_no_nul)]

#: One-line names: letters and digits of any script, space, `-`, `_`, `.`.
Name = Annotated[Text, StringConstraints(min_length=1, max_length=255, pattern=r"^[\w][\w .\-]*$")]

#: An instant with an offset, kept in UTC.
Instant = Annotated[AwareDatetime, AfterValidator(_to_utc)]


#: How the User-Agent of the command line begins.
CLI_AGENT = "tocsin-cli/"


def dumps(value: Any) -> bytes:
    """Compact JSON; datetimes as RFC 3339 ending in Z, UUIDs as strings."""
    return orjson.dumps(value, default=_as_text, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def _as_text(value: Any) -> str:
    """Database drivers bring UUID classes of their own."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def loads(data: bytes | str) -> Any:
    """Parses JSON. Raises ValueError with the position of the first error."""
    return orjson.loads(data)

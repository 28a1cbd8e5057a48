"""Fields that several kinds of task have."""

import re
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tocsin_shared.connections.naming import ConnectionName
from tocsin_shared.wire import Text, UserModel

#: A POSIX account name, as `useradd` accepts it.
UserName = Annotated[
    Text, StringConstraints(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")
]
EnvName = Annotated[Text, StringConstraints(max_length=255, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


def _one_line(value: str) -> str:
    if "\r" in value or "\n" in value:
        raise ValueError("must not contain line breaks")
    return value


def _unbroken(value: str) -> str:
    if any(ord(c) < 33 for c in value):
        raise ValueError("must not contain spaces or control characters")
    return value


HeaderText = Annotated[Text, AfterValidator(_one_line)]
HeaderName = Annotated[Text, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=255)]
#: `host` or `host:port`, or several separated by commas.
Hosts = Annotated[Text, Field(max_length=2_048), AfterValidator(_unbroken)]
Host = Annotated[Text, Field(max_length=255), AfterValidator(_unbroken)]
Port = Annotated[int, Field(ge=1, le=65_535)]
Login = Annotated[Text, Field(max_length=1_000)]
Password = Annotated[Text, Field(max_length=10_000)]
Path = Annotated[Text, Field(min_length=1, max_length=4_096)]
#: The name of a topic, queue, key, subject or the like.
Label = Annotated[Text, Field(min_length=1, max_length=1_000)]
#: A body that is sent as it is, in UTF-8.
Message = Annotated[Text, Field(max_length=1_000_000)]
MessageCount = Annotated[int, Field(ge=1, le=100_000)]
ScriptName = Annotated[Text, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]

#: A URL may begin with a variable that holds the beginning of one.
_REFERENCE = re.compile(r"\{\{(?:params\.)?[A-Za-z0-9_]+\}\}")


def of_scheme(*schemes: str, or_path: bool = False) -> AfterValidator:
    """A URL of one of these schemes, or nothing; or a path, where that makes sense."""
    beginnings = tuple(f"{scheme}://" for scheme in schemes)

    def check(value: str) -> str:
        is_url = value.lower().startswith(beginnings) or (or_path and value.startswith("/"))
        if value and not is_url and not _REFERENCE.match(value):
            raise ValueError(f"must start with {' or '.join(beginnings)}")
        return _unbroken(value)

    return AfterValidator(check)


class ConnectedTask(UserModel):
    """A task that speaks to a server, which the task itself or a stored connection names."""

    #: The field that says where the server is: needed unless a connection says so.
    address_field: ClassVar[str]
    #: The types of connection that fit.
    connection_types: ClassVar[tuple[str, ...]]

    #: A stored connection; what it says goes before what the task says.
    connection: ConnectionName | None = None

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if self.connection is None and not getattr(self, self.address_field):
            raise ValueError(f"{self.address_field} is required when there is no connection")
        return self

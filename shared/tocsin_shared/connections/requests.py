"""Connections as people write and read them."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Field

from tocsin_shared.connections.naming import ConnectionName
from tocsin_shared.wire import Model, ReturnedModel, Text, UserModel

#: Connections that one installation can have.
MOST_CONNECTIONS: Final = 1_000
#: Bytes of one configuration as JSON.
MAX_CONFIG_BYTES: Final = 131_072

ConnectionType = Literal[
    "postgres", "mysql", "sqlite", "ftp", "sftp", "http", "kafka", "mqtt", "rabbitmq", "redis", "mongodb", "ssh",
    "smtp", "s3", "nats", "grpc",
]  # fmt: skip
Description = Annotated[Text, Field(max_length=1_000)]


class ConnectionCreate(UserModel):
    """A new connection."""

    name: ConnectionName
    conn_type: ConnectionType
    description: Description | None = None
    #: The keys of its type; docs/connections.md lists them.
    config: Annotated[dict[str, Any], Field(repr=False)]


class ConnectionUpdate(ReturnedModel):
    """What changes. A connection that was read may be sent back as it is."""

    #: Keys of the old type that the new one does not have are dropped.
    conn_type: ConnectionType | None = None
    #: null clears it.
    description: Description | None = None
    #: Goes over what is stored, key by key: null clears one, the mask of a secret keeps it.
    config: dict[str, Any] | None = Field(None, repr=False)

    _read_only: ClassVar[frozenset[str]] = frozenset(
        {"name", "created_at", "updated_at", "jobs", "unreadable"}
    )


class ConnectionTest(UserModel):
    """From where a connection is tried."""

    #: Name or id of the agent from whose host; absent: from the controller's own.
    agent: Annotated[Text, Field(min_length=1, max_length=255)] | None = None


class ConnectionView(Model):
    """A connection, its secrets masked."""

    model_config = ConfigDict(extra="forbid")

    name: str
    conn_type: str
    description: str | None
    config: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    #: Names of jobs whose task names it; a hundred at most.
    jobs: list[str]
    #: Why the configuration can't be shown; absent when it can.
    unreadable: str | None = None


class ConnectionTestedView(Model):
    """Whether the server could be reached and takes the credentials."""

    model_config = ConfigDict(extra="forbid")

    success: bool
    message: str
    #: The agent that tried it; null when the controller did.
    agent: str | None = None

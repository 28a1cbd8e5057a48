"""Tasks that have something done by other machines."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from tocsin_shared.tasks.fields import (
    ConnectedTask,
    EnvName,
    HeaderName,
    HeaderText,
    Host,
    Hosts,
    Login,
    Password,
    Port,
)
from tocsin_shared.wire import Text


class SshTask(ConnectedTask):
    """Runs a command on a third host by SSH."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset({"env", "stdin"})
    address_field: ClassVar[str] = "host"
    connection_types: ClassVar[tuple[str, ...]] = ("ssh", "sftp")

    type: Literal["ssh"]
    host: Host = ""
    port: Port | None = None
    username: Login | None = None
    password: Password | None = None
    command: Annotated[Text, Field(min_length=1, max_length=100_000)]
    #: Set before the command on the other host.
    env: dict[EnvName, Text] | None = None
    stdin: Annotated[Text, Field(max_length=1_000_000)] | None = None


class GrpcTask(ConnectedTask):
    """Calls a method of a gRPC server that offers reflection; its answers are the output, as JSON."""

    address_field: ClassVar[str] = "host"
    connection_types: ClassVar[tuple[str, ...]] = ("grpc",)

    type: Literal["grpc"]
    #: `host:port`.
    host: Hosts = ""
    #: `package.Service/Method`.
    method: Annotated[Text, StringConstraints(max_length=1_000, pattern=r"^[A-Za-z_][\w.]*/[A-Za-z_]\w*$")]
    #: The request as JSON.
    body: dict[str, Any] | None = None
    headers: dict[HeaderName, HeaderText] | None = None
    #: The status that counts as success.
    expect_code: Annotated[int, Field(ge=0, le=16)] = 0
    #: Speak TLS. False, as when absent: where the connection says so, or the port is 443. All stored tasks name it, so
    #: false says nothing against TLS; a connection's `tls: false` does.
    tls: bool = False

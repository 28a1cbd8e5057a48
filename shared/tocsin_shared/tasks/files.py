"""Tasks that move files."""

import binascii
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints

from tocsin_shared.tasks.fields import ConnectedTask, Host, Label, Login, Password, Path, Port
from tocsin_shared.wire import Text, UserModel

#: 732 KiB in base64: a job is stored, handed out and shown with all of it.
MAX_CONTENT_CHARS = 1_000_000


def _base64(value: str) -> str:
    if "{{" not in value:  # a variable can hold it
        try:
            binascii.a2b_base64(value, strict_mode=True)
        except binascii.Error:
            raise ValueError("must be base64") from None
    return value


class FtpTask(ConnectedTask):
    """Brings a file to a server or from it. It appears under its name only when it is whole."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset(
        {"connection", "host", "port", "username", "password"}
    )
    address_field: ClassVar[str] = "host"
    connection_types: ClassVar[tuple[str, ...]] = ("ftp", "sftp", "ssh")

    type: Literal["ftp"]
    protocol: Literal["ftp", "ftps", "sftp"]
    host: Host | None = None
    port: Port | None = None
    username: Login | None = None
    password: Password | None = None
    direction: Literal["upload", "download"]
    remote_path: Path
    local_path: Path
    #: Go on where an earlier attempt was cut off.
    resume: bool = False


class S3Task(ConnectedTask):
    """Puts a file into a bucket, or gets one from it."""

    address_field: ClassVar[str] = "connection"
    connection_types: ClassVar[tuple[str, ...]] = ("s3",)

    type: Literal["s3"]
    direction: Literal["upload", "download"]
    key: Annotated[Text, Field(min_length=1, max_length=1_024)]
    local_path: Path
    content_type: Label | None = None


class FilePushTask(UserModel):
    """Writes a file on the agent's host, with its directories."""

    type: Literal["file_push"]
    filename: Annotated[Text, Field(min_length=1, max_length=255)]
    #: The path of the file; one that ends in `/` is a directory, in which it gets `filename`.
    destination: Path
    content_base64: Annotated[Text, Field(max_length=MAX_CONTENT_CHARS), AfterValidator(_base64)]
    #: Octal, such as `0644`.
    permissions: Annotated[Text, StringConstraints(pattern=r"^(0o)?[0-7]{3,4}$")] | None = None
    overwrite: bool = False

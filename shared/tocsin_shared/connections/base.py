"""What the configurations of all kinds of connection have in common."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from tocsin_shared.wire import Text, UserModel

#: Masked in answers, and looked for in output.
Secret = Annotated[Text, Field(max_length=10_000)]
#: PEM text: certificates or a private key.
Pem = Annotated[Text, Field(max_length=100_000)]
SecretPem = Annotated[Text, Field(max_length=100_000)]
Host = Annotated[Text, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\s/]+$")]
#: `host`, `host:port`, or several of them separated by commas.
Hosts = Annotated[Text, StringConstraints(min_length=1, max_length=2_048, pattern=r"^\S+$")]
Port = Annotated[int, Field(ge=1, le=65_535)]
UserText = Annotated[Text, Field(max_length=1_000)]
#: A URL or connection string; it may hold a password, so all of it is secret.
SecretUrl = Annotated[Text, Field(min_length=1, max_length=8_192)]


def _without_credentials(value: str) -> str:
    try:
        has_some = "@" in urlsplit(value).netloc
    except ValueError:
        raise ValueError("is not a URL") from None
    if has_some:
        raise ValueError("must not hold credentials: this is shown to everybody")
    return value


#: The address of a server, which is no secret.
OpenUrl = Annotated[
    Text,
    StringConstraints(min_length=1, max_length=8_192, pattern=r"^(?i:https?)://\S+$"),
    AfterValidator(_without_credentials),
]


class ConnectionConfig(UserModel):
    """How to reach one server. What is absent is left to the task, or to the driver's own default."""

    #: The port that is used when none is given.
    default_port: ClassVar[int | None] = None

    #: Fields whose values are never shown.
    secret_fields: ClassVar[frozenset[str]] = frozenset()

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Without the secrets: what is printed may end in a log."""
        for name, value in super().__repr_args__():
            if name not in self.secret_fields:
                yield name, value

    def given(self) -> dict[str, Any]:
        """What was said, and nothing else."""
        return self.model_dump(mode="json", exclude_unset=True, exclude_none=True)


class TlsConfig(ConnectionConfig):
    """Of servers that can be spoken to over TLS."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"tls_key"})

    #: Speak TLS; absent: as the scheme or the port says.
    tls: bool | None = None
    #: Whom to trust, in PEM; absent: the host's own list.
    tls_ca: Pem | None = None
    #: This client's certificate and its key, in PEM.
    tls_cert: Pem | None = None
    tls_key: SecretPem | None = None
    #: False accepts any certificate: only for trials.
    tls_verify: bool = True
    #: The name that the certificate must have, when it is not that of the host.
    tls_server_name: Host | None = None

    @property
    def names_certificates(self) -> bool:
        """Whether it says which certificate is expected, or which is shown."""
        return bool(self.tls_ca or self.tls_cert or self.tls_server_name)

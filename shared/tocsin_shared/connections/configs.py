"""The configurations of every type of connection (keys as in Kronforce; what is about TLS and SASL is ours)."""

from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from tocsin_shared.connections.base import (
    ConnectionConfig,
    Host,
    Hosts,
    OpenUrl,
    Port,
    Secret,
    SecretPem,
    SecretUrl,
    TlsConfig,
    UserText,
)
from tocsin_shared.wire import Text


class PostgresConfig(TlsConfig):
    """`postgresql://user:password@host:port/database`; `sslmode` in it counts too."""

    default_port: ClassVar[int | None] = 5432
    secret_fields: ClassVar[frozenset[str]] = TlsConfig.secret_fields | frozenset({"connection_string"})

    connection_string: SecretUrl


class MysqlConfig(TlsConfig):
    """`mysql://user:password@host:port/database`."""

    default_port: ClassVar[int | None] = 3306
    secret_fields: ClassVar[frozenset[str]] = TlsConfig.secret_fields | frozenset({"connection_string"})

    connection_string: SecretUrl


class SqliteConfig(ConnectionConfig):
    """A path on the agent's host, or a `sqlite:` URL."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"connection_string"})

    connection_string: SecretUrl


class MongodbConfig(TlsConfig):
    """`mongodb://user:password@host:port/database`."""

    default_port: ClassVar[int | None] = 27017
    secret_fields: ClassVar[frozenset[str]] = TlsConfig.secret_fields | frozenset({"connection_string"})

    connection_string: SecretUrl


class FtpConfig(TlsConfig):
    """An FTP server; with `tls` it must speak FTPS."""

    default_port: ClassVar[int | None] = 21
    secret_fields: ClassVar[frozenset[str]] = TlsConfig.secret_fields | frozenset({"password"})

    host: Host
    port: Port | None = None
    username: UserText | None = None
    password: Secret | None = None


class SshConfig(ConnectionConfig):
    """An SSH server. `known_hosts` says which host keys are its own."""

    default_port: ClassVar[int | None] = 22
    secret_fields: ClassVar[frozenset[str]] = frozenset({"password", "private_key", "passphrase"})

    host: Host
    port: Port | None = None
    username: UserText | None = None
    password: Secret | None = None
    #: In OpenSSH's or PEM's form.
    private_key: SecretPem | None = None
    passphrase: Secret | None = None
    #: Lines as in `~/.ssh/known_hosts`; absent: the file of the account that the agent runs as.
    known_hosts: Annotated[Text, Field(max_length=100_000)] | None = None
    #: False accepts any host key: only for trials.
    verify_host: bool = True


class SftpConfig(SshConfig):
    """An SFTP server."""


class HttpConfig(TlsConfig):
    """An HTTP API. Credentials go to `base_url`'s origin only."""

    default_port: ClassVar[int | None] = 443
    secret_fields: ClassVar[frozenset[str]] = TlsConfig.secret_fields | frozenset(
        {"token", "password", "header_value"}
    )

    base_url: OpenUrl
    auth_type: Literal["none", "bearer", "basic", "header"] = "none"
    token: Secret | None = None
    username: UserText | None = None
    password: Secret | None = None
    header_name: Annotated[
        Text, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=255)
    ] = "X-API-Key"
    header_value: Secret | None = None


class KafkaConfig(TlsConfig):
    """A Kafka cluster. With a username or a token SASL is used."""

    default_port: ClassVar[int | None] = 9092
    secret_fields: ClassVar[frozenset[str]] = TlsConfig.secret_fields | frozenset({"password", "token"})

    broker: Hosts
    username: UserText | None = None
    password: Secret | None = None
    #: Of OAUTHBEARER, which takes nothing else.
    token: Secret | None = None
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = "PLAIN"

    @model_validator(mode="after")
    def _has_the_login_of_its_mechanism(self) -> Self:
        if (self.sasl_mechanism == "OAUTHBEARER") != (self.token is not None):
            raise ValueError("a token and sasl_mechanism OAUTHBEARER need each other")
        return self


class MqttConfig(TlsConfig):
    """An MQTT broker."""

    default_port: ClassVar[int | None] = 1883
    secret_fields: ClassVar[frozenset[str]] = TlsConfig.secret_fields | frozenset({"password"})

    broker: Host
    port: Port | None = None
    username: UserText | None = None
    password: Secret | None = None
    client_id: Annotated[Text, Field(max_length=255)] | None = None


class RabbitmqConfig(TlsConfig):
    """`amqp://user:password@host:port/vhost`, or `amqps://`."""

    default_port: ClassVar[int | None] = 5672
    secret_fields: ClassVar[frozenset[str]] = TlsConfig.secret_fields | frozenset({"url"})

    url: SecretUrl


class RedisConfig(TlsConfig):
    """`redis://host:port/database`, or `rediss://`."""

    default_port: ClassVar[int | None] = 6379
    secret_fields: ClassVar[frozenset[str]] = TlsConfig.secret_fields | frozenset({"url", "password"})

    url: SecretUrl
    username: UserText | None = None
    password: Secret | None = None


class NatsConfig(TlsConfig):
    """`nats://host:port`, or several separated by commas."""

    default_port: ClassVar[int | None] = 4222
    secret_fields: ClassVar[frozenset[str]] = TlsConfig.secret_fields | frozenset(
        {"url", "password", "token"}
    )

    url: SecretUrl
    username: UserText | None = None
    password: Secret | None = None
    token: Secret | None = None


class GrpcConfig(TlsConfig):
    """A gRPC server."""

    default_port: ClassVar[int | None] = 443
    secret_fields: ClassVar[frozenset[str]] = TlsConfig.secret_fields | frozenset({"token"})

    #: `host:port`.
    host: Hosts
    token: Secret | None = None


class SmtpConfig(TlsConfig):
    """A mail server. `tls` true: TLS from the beginning; absent: STARTTLS when it is offered."""

    default_port: ClassVar[int | None] = 587
    secret_fields: ClassVar[frozenset[str]] = TlsConfig.secret_fields | frozenset({"password"})

    host: Host
    port: Port | None = None
    username: UserText | None = None
    password: Secret | None = None


class S3Config(TlsConfig):
    """A bucket of S3, or of a store that speaks its language."""

    default_port: ClassVar[int | None] = 443
    secret_fields: ClassVar[frozenset[str]] = TlsConfig.secret_fields | frozenset(
        {"access_key", "secret_key"}
    )

    #: `https://host:port`; absent: AWS.
    endpoint: OpenUrl | None = None
    bucket: Annotated[Text, Field(min_length=1, max_length=255)]
    region: Annotated[Text, Field(max_length=255)] | None = None
    access_key: Secret | None = None
    secret_key: Secret | None = None
    #: The bucket's name in the path instead of the host's name; most stores besides AWS want it.
    path_style: bool = True


CONFIGS: Final[dict[str, type[ConnectionConfig]]] = {
    "postgres": PostgresConfig,
    "mysql": MysqlConfig,
    "sqlite": SqliteConfig,
    "ftp": FtpConfig,
    "sftp": SftpConfig,
    "http": HttpConfig,
    "kafka": KafkaConfig,
    "mqtt": MqttConfig,
    "rabbitmq": RabbitmqConfig,
    "redis": RedisConfig,
    "mongodb": MongodbConfig,
    "ssh": SshConfig,
    "smtp": SmtpConfig,
    "s3": S3Config,
    "nats": NatsConfig,
    "grpc": GrpcConfig,
}

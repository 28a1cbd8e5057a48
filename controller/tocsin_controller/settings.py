"""Everything about a controller that can be set, in one place.

Precedence: command line, then `TOCSIN_*` environment variables, then the TOML file, then these defaults.
"""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from tocsin_agent.layered_settings import LayeredSettings
from tocsin_controller.workflow.sinks.addresses import FluentAddress, SyslogAddress
from tocsin_shared.ai import AiProvider, is_base_url, is_key, is_word
from tocsin_shared.network import Reach
from tocsin_shared.network.places import Places
from tocsin_shared.network.reach import ReachDefault
from tocsin_shared.protocol import MAX_POLL_WAIT_SECS

Secs = Annotated[float, Field(gt=0, le=7 * 86_400)]


class ControllerSettings(LayeredSettings):
    """Settings of `tocsin-controller serve`."""

    model_config = SettingsConfigDict(env_prefix="TOCSIN_", extra="forbid", env_ignore_empty=True)

    database_url: SecretStr = Field(
        SecretStr(""),
        description="PostgreSQL DSN, such as postgresql://tocsin@db/tocsin. Several hosts with "
        "target_session_attrs=read-write follow a failover.",
    )
    database_url_file: Path | None = Field(
        None, description="File that holds the DSN instead, such as a systemd credential."
    )
    host: str = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104  a server is meant to be reached
    port: int = Field(8080, ge=0, le=65_535, description="Port to listen on; 0 picks a free one.")
    tls_cert: Path | None = Field(None, description="Certificate chain (PEM). With tls_key, serves HTTPS.")
    tls_key: Path | None = Field(None, description="Private key (PEM) of tls_cert.")
    public_url: str | None = Field(
        None,
        description="How agents reach this controller, for callback addresses; default: as they called it.",
    )
    state_dir: Path | None = Field(
        None, description="Where the controller's own agent (target `local`) keeps its journal."
    )
    local_capacity: int = Field(
        8, ge=0, le=1_000, description="How many `local` executions run at once here; 0 runs none here."
    )
    bootstrap_admin_key: SecretStr | None = Field(
        None, description="The first admin key, any string, instead of a random one that is printed."
    )
    bootstrap_agent_key: SecretStr | None = Field(
        None, description="The first agent key, any string, instead of a random one that is printed."
    )
    encryption_key: SecretStr | None = Field(
        None,
        description="Key that secret values are encrypted with in the database: 32 bytes in base64 or hexadecimal "
        "(openssl rand -base64 32). Several may be given, separated by commas: the first encrypts, the others only "
        "decrypt. See secrets.md.",
    )
    encryption_key_file: Path | None = Field(
        None, description="File that holds the keys instead, one a line, such as a systemd credential."
    )
    retention_days: int = Field(
        30, ge=0, le=3_650, description="Days that runs, output and events are kept; 0 keeps everything."
    )
    audit_retention_days: int = Field(
        90, ge=0, le=36_500, description="Days that the audit log is kept; 0 keeps everything."
    )
    database_pool_size: int = Field(
        8, ge=2, le=200, description="Connections for requests, besides about six for background services."
    )
    event_loop_limit: int = Field(
        10,
        ge=1,
        le=30,
        description="How often a chain of events may lead back to the same job before it is stopped.",
    )
    heartbeat_secs: Secs = Field(10.0, description="How often agents show that they live, in seconds.")
    poll_wait_secs: Secs = Field(25.0, description="How long an agent's poll waits, in seconds.")
    lease_secs: Secs = Field(45.0, description="An agent silent for so many seconds is offline.")
    lost_grace_secs: float = Field(
        300.0,
        ge=0,
        le=86_400,
        description="After most agents fell silent together, or controllers or database were away, nothing is declared "
        "lost for so many seconds; 0 never waits.",
    )
    rate_limit_enabled: bool = Field(True, description="Whether requests are limited at all.")
    rate_limit_public: int = Field(
        60, ge=0, description="Requests a minute and address without a valid key; 0 means no limit."
    )
    rate_limit_authenticated: int = Field(
        6_000, ge=0, description="Requests a minute and key of people; 0 means no limit."
    )
    rate_limit_agent: int = Field(
        60_000, ge=0, description="Requests a minute and key of agents; 0 means no limit."
    )
    dkron_open: bool = Field(
        False,
        description="Serve Dkron's API (`/v1`) to callers without a key too: whoever reaches the port may then do what "
        "`dkron_open_role` may.",
    )
    dkron_open_role: Literal["viewer", "operator", "admin"] = Field(
        "operator", description="What callers without a key may do there."
    )
    dkron_origins: Annotated[list[str], NoDecode] = Field(
        [],
        description="Origins of pages, with commas between them, that may use Dkron's API from another site (CORS), "
        "such as https://ui.example.org; with dkron_open without a key too.",
    )
    mcp_enabled: bool = Field(
        True,
        description="Serve the tools of this controller to MCP clients at `/mcp`, with the same keys as the API.",
    )
    trusted_proxies: Annotated[list[str], NoDecode] = Field(
        [],
        description="Networks or addresses of proxies, with commas between them, such as 10.0.0.0/8: from these alone "
        "X-Forwarded-For is believed.",
    )
    output_log: bool = Field(
        False, description="Jobs may send what they print to this controller's log. See docs/output-rules.md."
    )
    output_directories: Annotated[list[str], NoDecode] = Field(
        [],
        description="Jobs may have what they print written to files in these directories and below; with commas "
        "between them.",
    )
    output_syslog: str | None = Field(
        None,
        description="Jobs may send what they print to this syslog: the path of a socket such as /dev/log, or "
        "udp://host:514.",
    )
    output_fluent: str | None = Field(
        None,
        description="Jobs may send what they print to this fluentd or Fluent Bit: tcp://host:24224/tag.",
    )
    ai_api_key: SecretStr | None = Field(
        None, description="Key of the AI provider that writes jobs from a description. See docs/ai.md."
    )
    ai_provider: AiProvider | None = Field(
        None, description="Whose API is spoken: `anthropic`, which is the default, or `openai`."
    )
    ai_model: str | None = Field(None, description="Which of its models; default: one for each provider.")
    ai_base_url: str | None = Field(
        None,
        description="Where that API begins, such as http://llm.example.org:8000/v1; default: the provider's own.",
    )
    ai_api_version: str | None = Field(
        None,
        description="`anthropic-version`, or with `openai` and an address that does not end in /v1 `api-version`.",
    )
    log_format: Literal["console", "json"] = Field("console", description="How log lines look.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")

    @property
    def dsn(self) -> str:
        """The database's address, wherever it was set; empty when it was not. Raises OSError."""
        if self.database_url_file is not None:
            return self.database_url_file.read_text().strip()
        return self.database_url.get_secret_value()

    network_default: ReachDefault = Field(
        "guarded",
        description="What may be called from this controller by jobs with target `local`, `forward_url` and the like: "
        "`guarded` (not its own host, its link or its cloud's metadata), `public` (the internet alone), `all`, `none`. "
        "See docs/network-policy.md.",
    )
    network_allow: Annotated[list[str], NoDecode] = Field(
        [],
        description="Networks, addresses, host names or kinds of address, with commas between them, that may be called "
        "although `network_default` refuses them.",
    )
    network_deny: Annotated[list[str], NoDecode] = Field(
        [], description="The same, for what may never be called, whatever is allowed."
    )
    forward_allowed_networks: Annotated[list[str], NoDecode] = Field(
        [], description="An earlier name of `network_allow`; both count."
    )

    @field_validator(
        "dkron_origins",
        "trusted_proxies",
        "output_directories",
        "network_allow",
        "network_deny",
        "forward_allowed_networks",
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        for one in value:
            ip_network(one)  # its ValueError says what is wrong
        return value

    @field_validator("dkron_origins")
    @classmethod
    def _are_origins(cls, value: list[str]) -> list[str]:
        for one in value:
            parts = urlsplit(one)
            is_plain = one == f"{parts.scheme}://{parts.netloc}".lower() and parts.username is None
            if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain:
                raise ValueError(f"{one!r} is no origin such as https://ui.example.org")
        return value

    @field_validator("output_directories")
    @classmethod
    def _are_absolute(cls, value: list[str]) -> list[str]:
        for one in value:
            if not Path(one).is_absolute():
                raise ValueError(f"{one!r} must be an absolute path")
        return value

    @field_validator("ai_api_key")
    @classmethod
    def _is_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            is_key(value.get_secret_value())  # its ValueError says what is wrong
        return value

    @field_validator("ai_model", "ai_api_version")
    @classmethod
    def _is_word(cls, value: str | None) -> str | None:
        return is_word(value) if value is not None else None

    @field_validator("ai_base_url")
    @classmethod
    def _is_base_url(cls, value: str | None) -> str | None:
        return is_base_url(value) if value is not None else None

    @field_validator("output_syslog")
    @classmethod
    def _is_syslog(cls, value: str | None) -> str | None:
        if value is not None:
            SyslogAddress.parse(value)  # its ValueError says what is wrong
        return value

    @field_validator("output_fluent")
    @classmethod
    def _is_fluent(cls, value: str | None) -> str | None:
        if value is not None:
            FluentAddress.parse(value)
        return value

    @field_validator("network_allow", "network_deny", "forward_allowed_networks")
    @classmethod
    def _are_places(cls, value: list[str]) -> list[str]:
        Places.of(value)  # its ValueError says what is wrong
        return value

    @property
    def reach(self) -> Reach:
        """What may be called from this controller."""
        allow = (*self.network_allow, *self.forward_allowed_networks)
        return Reach(self.network_default, allow, tuple(self.network_deny))

    @property
    def encryption_keys(self) -> tuple[str | None, Path | None]:
        """The keys for secrets, and the file that holds them instead."""
        key = self.encryption_key
        return (key.get_secret_value() if key is not None else None), self.encryption_key_file

    @model_validator(mode="after")
    def _holds_together(self) -> "ControllerSettings":
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together")
        if self.lease_secs < 3 * self.heartbeat_secs:
            raise ValueError("lease_secs must be at least three times heartbeat_secs")
        if 0 < self.lost_grace_secs < self.heartbeat_secs:
            raise ValueError(
                "lost_grace_secs must be 0 or at least heartbeat_secs, or no agent can report in it"
            )
        if self.poll_wait_secs > MAX_POLL_WAIT_SECS:
            raise ValueError(f"poll_wait_secs must be at most {MAX_POLL_WAIT_SECS:g}, as long as agents wait")
        return self

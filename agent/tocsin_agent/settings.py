"""Everything about an agent that can be set, in one place.

Precedence: command line, then `TOCSIN_AGENT_*` environment variables, then the TOML file, then these defaults.
"""

import os
import socket
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from tocsin_agent.layered_settings import LayeredSettings
from tocsin_shared.logs import LogFormat, LogLevel
from tocsin_shared.targets import Tag
from tocsin_shared.wire import Name

StopMode = Literal["drain", "handover"]


class AgentSettings(LayeredSettings):
    """Settings of `tocsin-agent run`."""

    model_config = SettingsConfigDict(env_prefix="TOCSIN_AGENT_", extra="forbid", env_ignore_empty=True)

    controller: str = Field(
        "", description="Address of the controller, or of a load balancer before several."
    )
    key: SecretStr | None = Field(
        None, description="Key for the first registration; the agent then uses a credential of its own."
    )
    key_file: Path | None = Field(None, description="File that holds the key instead.")
    name: Name = Field(
        default_factory=socket.gethostname,
        description="Name of this agent, unique in the fleet.",
    )
    tags: Annotated[list[Tag], NoDecode] = Field(
        [], description="Labels that jobs can target: comma-separated, or a list in the TOML file."
    )
    capacity: int = Field(
        default_factory=lambda: max(4, 2 * (os.cpu_count() or 1)),
        ge=1,
        le=10_000,
        description="How many executions run at once; default: twice the number of CPUs, at least 4.",
    )
    max_batch: int = Field(16, ge=1, le=256, description="Most executions taken with one poll.")
    state_dir: Path = Field(
        Path("/var/lib/tocsin-agent"),
        description="Identity and journal; one directory per agent.",
    )
    ca_file: Path | None = Field(None, description="Certificates (PEM) to trust instead of the system's.")
    allow_plain_http: bool = Field(
        False, description="Let the controller's address be http:// although it is on another host."
    )
    policy_file: Path | None = Field(
        None,
        description="What this host's owner lets jobs do here (TOML); default: /etc/tocsin/agent-policy.toml, if it "
        "exists.",
    )
    drain_grace_secs: float = Field(
        30.0, ge=0, le=86_400, description="After SIGTERM, running jobs may take so many seconds to finish."
    )
    stop: StopMode = Field(
        "drain",
        description="What SIGTERM means. `drain`: running jobs may finish, then end. `handover`: processes go on and "
        "the next start adopts them. SIGINT and SIGUSR2 always drain, SIGUSR1 always hands over.",
    )
    cgroup: str = Field(
        "auto",
        description="Where each execution gets a cgroup (v2) of its own: `auto` (if a part of the tree was delegated "
        "to the agent, as by the unit in systemd/), `off`, or a directory below which it may make some.",
    )
    docker_socket: Path | None = Field(
        None,
        description="Socket of Docker or Podman, for docker_build tasks; default: DOCKER_HOST, else the first of the "
        "usual places that the agent's account may use. Without one these tasks are not offered.",
    )
    min_free_bytes: int = Field(
        64 * 1024 * 1024, ge=0, description="With less free on the state directory's disk, no work is taken."
    )
    journal_max_bytes: int = Field(
        1024 * 1024 * 1024,
        ge=16 * 1024 * 1024,
        description="How large the journal may become while no controller takes what is in it. At 80 % of this no "
        "more work is taken; at 100 % output is cut, results never are.",
    )
    journal_max_results: int = Field(
        100_000,
        ge=100,
        description="How many executions the journal may hold. At 80 % of this no more work is taken.",
    )
    log_format: LogFormat = Field("console", description="How log lines look.")
    log_level: LogLevel = Field("info", description="Least level logged.")

    @field_validator("tags", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [tag.strip() for tag in value.split(",") if tag.strip()] if isinstance(value, str) else value

    @property
    def enrolment_key(self) -> str | None:
        """The key, wherever it was set. Raises OSError."""
        if self.key_file is not None:
            return self.key_file.read_text().strip()
        return self.key.get_secret_value() if self.key else None

"""A controller with its own PostgreSQL and a few agents, as real processes on this machine."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

BIN = Path(sys.executable).parent
START_TIMEOUT_SECS = 60.0


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An agent to start."""

    name: str
    tags: str


#: Two hosts that differ by their tags.
TWO_AGENTS = (AgentSpec("web-1", "linux,web"), AgentSpec("db-1", "linux,db"))


@dataclass(slots=True)
class Fleet:
    """Processes that start together and stop together. Logs go to files below `directory`."""

    directory: Path
    port: int
    admin_key: str
    agent_key: str
    agents: Sequence[AgentSpec] = TWO_AGENTS
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the controller answers."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            self.start_controller()
            for agent in self.agents:
                self.start_agent(agent)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start_controller(self) -> None:
        """Start it and wait until it answers. Raises RuntimeError with the end of its log when it does not."""
        keys = {"TOCSIN_BOOTSTRAP_ADMIN_KEY": self.admin_key, "TOCSIN_BOOTSTRAP_AGENT_KEY": self.agent_key}
        command: list[str | Path] = [
            BIN / "tocsin-controller",
            "dev",
            "--data-dir",
            self.directory,
            "--port",
            str(self.port),
        ]
        process = self._start("controller", command, keys)
        deadline = time.monotonic() + START_TIMEOUT_SECS
        while not self._is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the controller did not start:\n{self.log_tail('controller')}")
            time.sleep(0.05)

    def start_agent(self, agent: AgentSpec) -> None:
        """Start an agent; it registers by itself."""
        settings = {
            "TOCSIN_AGENT_CONTROLLER": self.url,
            "TOCSIN_AGENT_KEY": self.agent_key,
            "TOCSIN_AGENT_NAME": agent.name,
            "TOCSIN_AGENT_TAGS": agent.tags,
            "TOCSIN_AGENT_STATE_DIR": str(self.directory / "agents" / agent.name),
        }
        self._start(agent.name, [BIN / "tocsin-agent", "run"], settings)

    def wait(self) -> None:
        """Until the controller ends."""
        self._processes[0].wait()

    def stop(self) -> None:
        """Agents first, so that they can report; then the controller."""
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self._processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def log_tail(self, name: str, lines: int = 15) -> str:
        """The end of a process' log."""
        return "\n".join((self.directory / f"{name}.log").read_text(errors="replace").splitlines()[-lines:])

    def _start(
        self, name: str, command: Sequence[str | Path], settings: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")}
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  our own programs
                [str(part) for part in command],
                env=inherited | settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/api/health/ready", timeout=2) as answer:  # noqa: S310  http, ours
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""The real `tocsin`, as a process of its own, against a real controller with its own agent for `local` work."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr
from tests.net import free_port

from tocsin_controller.app import RunningController, running_controller
from tocsin_controller.security.bootstrap import ensure_bootstrap_keys
from tocsin_controller.settings import ControllerSettings

ADMIN_KEY = "tk_admin-for-tests"


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON document."""
        return orjson.loads(self.stdout)


Tocsin = Callable[..., Awaitable[Done]]


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> ControllerSettings:
    """Of a controller on a port of its own, which it keeps across restarts."""
    return ControllerSettings(
        database_url=SecretStr(database_url),
        host="127.0.0.1",
        port=free_port(),
        state_dir=tmp_path / "state",
        rate_limit_enabled=False,
    )


@asynccontextmanager
async def serving(settings: ControllerSettings) -> AsyncIterator[RunningController]:
    """A controller with ADMIN_KEY, for as long as the block lasts."""
    async with running_controller(settings) as running:
        await ensure_bootstrap_keys(running.db, ADMIN_KEY)
        yield running


@pytest.fixture
async def controller(settings: ControllerSettings) -> AsyncIterator[RunningController]:
    """A controller that runs."""
    async with serving(settings) as running:
        yield running


@pytest.fixture
def environment(settings: ControllerSettings, tmp_path: Path) -> dict[str, str]:
    """What the CLI's process gets: the controller, the key, and a home of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    return clean | {
        "TOCSIN_URL": f"http://127.0.0.1:{settings.port}",
        "TOCSIN_KEY": ADMIN_KEY,
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / ".config"),
    }


@pytest.fixture
def tocsin(environment: dict[str, str]) -> Tocsin:
    """Runs `tocsin` with these arguments to its end."""

    async def run(*args: str, stdin: str = "", **env: str) -> Done:
        async with started(environment | env, *args) as process:
            out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 60)
            assert process.returncode is not None
            return Done(process.returncode, out.decode(), err.decode())

    return run


@asynccontextmanager
async def started(env: dict[str, str], *args: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`tocsin` while it runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tocsin_cli",
        *args,
        env=env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

"""Trying a connection from this controller's host: a process of its own for each, few at once, never for long."""

import asyncio
import os
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final

import structlog

from tocsin_controller.security.connection_configs import Opened
from tocsin_shared.connections import GivenConnection
from tocsin_shared.errors import Unavailable
from tocsin_shared.network import Reach
from tocsin_shared.wire import dumps, loads

log = structlog.get_logger(__name__)

#: What a server has to connect, log in and answer.
LONGEST_SECS: Final = 10.0
#: Beyond that: for the process to start, and its driver to be loaded, on a machine that is busy.
_START_SECS: Final = 20.0
#: At once, in one controller.
MOST_AT_ONCE: Final = 4
#: All that the process gets of the controller's environment, which may hold secrets.
_ENVIRONMENT: Final = (
    "PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip


class ConnectionTrials:
    """Tries connections."""

    def __init__(self, reach: Reach, *, longest_secs: float = LONGEST_SECS) -> None:
        self._reach = reach
        self._longest_secs = longest_secs
        self._places = asyncio.Semaphore(MOST_AT_ONCE)

    async def attempt(self, connection: Opened) -> dict[str, Any]:
        """`success`, and a `message` without secrets. Raises Unavailable when too many are being tried."""
        try:
            async with asyncio.timeout(self._longest_secs):
                await self._places.acquire()
        except TimeoutError:
            raise Unavailable(
                f"{MOST_AT_ONCE} connections are being tried already; try again shortly"
            ) from None
        try:
            return await self._in_child(connection)
        finally:
            self._places.release()

    async def _in_child(self, connection: Opened) -> dict[str, Any]:
        given = GivenConnection(
            name=connection.name, conn_type=connection.conn_type, config=connection.config
        )
        request = dumps(
            {
                "connection": given.model_dump(mode="json"),
                "reach": asdict(self._reach),
                "timeout_secs": self._longest_secs,
            }
        )
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tocsin_agent.connecting.child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        )
        try:
            async with asyncio.timeout(self._longest_secs + _START_SECS):
                answer, _ = await child.communicate(request)
            found = loads(answer)
        except (TimeoutError, ValueError):
            log.warning("connection_trial_failed", connection=connection.name, exit_code=child.returncode)
            return {"success": False, "message": "The attempt took too much time or memory, and was ended."}
        finally:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
        return {"success": bool(found["success"]), "message": str(found["message"])}

"""Tries a connection in a process of its own: one that hangs, or takes too much, is ended."""

import asyncio
import os
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Final

from tocsin_agent.connecting.trying import Tried
from tocsin_shared.connections.given import GivenConnection
from tocsin_shared.logs import log
from tocsin_shared.network import Reach
from tocsin_shared.wire import dumps, loads

#: Beyond the time for the server: for the process to start, and its driver to be loaded, on a machine that is busy.
START_SECS: Final = 20.0
#: All that the process gets of the environment, which may hold secrets.
_ENVIRONMENT: Final = (
    "PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip


async def try_in_process(given: GivenConnection, *, reach: Reach, timeout_secs: float) -> Tried:
    """What came of it, within `timeout_secs` and `START_SECS`. Never raises, but for cancellation."""
    request = {
        "connection": given.model_dump(mode="json"),
        "reach": asdict(reach),
        "timeout_secs": timeout_secs,
    }
    try:
        return await _in_child(dumps(request), timeout_secs + START_SECS)
    except (TimeoutError, ValueError, KeyError, TypeError) as error:
        log.warning("connection_trial_failed", connection=given.name, why=type(error).__name__)
        return Tried(False, "The attempt took too much time or memory, and was ended.")
    except OSError as error:
        log.warning("connection_trial_failed", connection=given.name, why=str(error))
        return Tried(False, f"The attempt could not be started: {error.strerror}.")


async def _in_child(request: bytes, longest_secs: float) -> Tried:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        # No modules from the directory that the asking program was started in. The directory itself stays the same:
        # paths in the environment mean what they mean to tasks.
        "-P",
        "-m",
        "tocsin_agent.connecting.child",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    )
    try:
        async with asyncio.timeout(longest_secs):
            answer, _ = await child.communicate(request)
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    found = loads(answer)
    return Tried(bool(found["success"]), str(found["message"]))

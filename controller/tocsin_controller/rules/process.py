"""Judging in a process of its own, so that neither a rule nor an output can hold up or fill the controller."""

import asyncio
import os
import sys
from contextlib import suppress
from typing import Final

import orjson

from tocsin_controller.rules.child import ANSWER, REQUEST
from tocsin_controller.rules.judging import Verdict
from tocsin_shared.logs import log
from tocsin_shared.output_rules import OutputRules

#: For one result, ten megabytes of output and patterns at their worst included; most take milliseconds.
LONGEST_SECS: Final = 20.0
#: Beyond that, for a machine that stands still.
_PATIENCE_SECS: Final = 10.0
#: All that the child gets of the controller's environment, which may hold secrets.
_ENVIRONMENT: Final = ("PATH", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME")


class JudgingFailed(Exception):
    """The rules could not be applied: too much time, too much memory."""


class JudgeProcess:
    """The child, started when it is first needed, and again when it ended. One request at a time."""

    def __init__(self, *, longest_secs: float = LONGEST_SECS) -> None:
        self._longest_secs = longest_secs
        self._child: asyncio.subprocess.Process | None = None

    async def judge(self, rules: OutputRules, stdout: bytes, stderr: bytes, *, is_success: bool) -> Verdict:
        """What the rules say. Raises JudgingFailed."""
        head = orjson.dumps(
            {
                "rules": rules.model_dump(mode="json"),
                "is_success": is_success,
                "longest_secs": self._longest_secs,
            }
        )
        request = REQUEST.pack(len(head), len(stdout), len(stderr)) + head
        try:
            async with asyncio.timeout(self._longest_secs + _PATIENCE_SECS):
                answer = await self._ask(request, stdout, stderr)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            code = await self.close()
            log.warning("judging_failed", exit_code=code)
            raise JudgingFailed("the output rules took too much time or memory") from None
        except BaseException:
            await self.close()  # a request that was given up would answer the next one
            raise
        found = orjson.loads(answer)
        return Verdict(
            found["extracted"],
            tuple(found["failed"]),
            tuple(found["matched"]),
            tuple((name, why) for name, why in found["problems"]),
        )

    async def _ask(self, request: bytes, stdout: bytes, stderr: bytes) -> bytes:
        child = await self._running()
        if child.stdin is None or child.stdout is None:
            raise AssertionError("the child was started with pipes")
        for part in (request, stdout, stderr):
            child.stdin.write(part)
            await child.stdin.drain()
        (length,) = ANSWER.unpack(await child.stdout.readexactly(ANSWER.size))
        return await child.stdout.readexactly(length)

    async def _running(self) -> asyncio.subprocess.Process:
        if self._child is None or self._child.returncode is not None:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # no modules from the directory that the controller was started in
                "-m",
                "tocsin_controller.rules.child",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            )
        return self._child

    async def close(self) -> int | None:
        """End the child, if there is one; how it ended."""
        child, self._child = self._child, None
        if child is None:
            return None
        with suppress(ProcessLookupError):
            child.kill()
        return await child.wait()

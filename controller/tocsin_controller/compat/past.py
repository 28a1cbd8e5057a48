"""Runs and attempts with their output, as other schedulers show them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from tocsin_controller.api.waiters import is_reader_gone
from tocsin_controller.compat.facade import pause_between
from tocsin_controller.services.searching import search_executions, search_runs
from tocsin_controller.store import history
from tocsin_controller.store.database import Database, Record
from tocsin_controller.store.history import ExecutionFilter, Slice
from tocsin_controller.store.output import output_tails
from tocsin_shared.executions import ExecutionStatus, RunStatus

#: Of what an attempt printed, the end.
MOST_OUTPUT_BYTES: Final = 64 * 1024
_STDOUT: Final = 1


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution with what it printed."""

    row: Record
    output: str

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return ExecutionStatus(self.row["status"]).is_final

    @property
    def milliseconds(self) -> int | None:
        """How long it took, once it has ended."""
        started, finished = self.row["started_at"], self.row["finished_at"]
        if started is None or finished is None:
            return None
        secs: float = (finished - started).total_seconds()
        return max(round(secs * 1000), 0)


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run."""

    row: Record
    #: The attempt that counts.
    last: Attempt | None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return RunStatus(self.row["status"]).is_final


async def past_run(db: Database, run_id: UUID) -> PastRun | None:
    """One run, or None."""
    return next(iter(await _runs(db, [run_id])), None)


async def past_runs(db: Database, job_id: UUID, limit: int) -> tuple[list[PastRun], int]:
    """A job's newest runs, newest first, and how many there are."""
    page = await search_runs(db, status=None, job_id=job_id, since=None, before=None, part=Slice(0, limit))
    return await _runs(db, page.ids), page.total


async def past_attempts(db: Database, job_id: UUID, offset: int, limit: int) -> tuple[list[Attempt], int]:
    """A job's newest executions, newest first, and how many there are."""
    only = ExecutionFilter(job_ids=[job_id])
    page = await search_executions(db, only, since=None, before=None, part=Slice(offset, limit))
    return await attempts(db, page.ids), page.total


async def attempts(db: Database, ids: Sequence[UUID]) -> list[Attempt]:
    """These executions, newest first."""
    rows = await history.executions_shown(db, ids)
    tails = await output_tails(db, ids, MOST_OUTPUT_BYTES) if ids else {}
    return [Attempt(row, tails.get((row["id"], _STDOUT), b"").decode("utf-8", "replace")) for row in rows]


async def _runs(db: Database, run_ids: Sequence[UUID]) -> list[PastRun]:
    """Those of them that there are, newest first."""
    rows = await history.runs_shown(db, run_ids)
    last = {one.row["run_id"]: one for one in await attempts(db, await history.last_attempts(db, run_ids))}
    return [PastRun(row, last.get(row["id"])) for row in rows]


async def until_over(db: Database, run_id: UUID, at_most_secs: float, request: web.Request) -> PastRun | None:
    """The run once it has ended, or as it is then, or when nobody waits for the answer any more."""
    deadline, tries = time.monotonic() + at_most_secs, 0
    while True:
        row = await history.run(db, run_id)
        if (
            row is None
            or RunStatus(row["status"]).is_final
            or time.monotonic() > deadline
            or is_reader_gone(request)
        ):
            return await past_run(db, run_id)
        await pause_between(tries)
        tries += 1


def instant(value: Any) -> str | None:
    """RFC 3339 in UTC, as Go prints it."""
    return None if value is None else str(value.isoformat()).replace("+00:00", "Z")

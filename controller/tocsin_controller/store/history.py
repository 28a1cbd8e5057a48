"""Questions about runs and executions. Each looks at a bounded number of rows, however long the history is.

Lists are asked for in two steps: which ids are on the page (`*_in`), then what is shown of them (`*_shown`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from tocsin_controller.store.database import Queries, Record
from tocsin_controller.store.jobs import like_pattern
from tocsin_controller.store.statements import sql

_EXECUTIONS_NEWEST = sql("executions_newest")
_EXECUTIONS_BY_STATUS = sql("executions_by_status")
_EXECUTIONS_OF_JOBS = sql("executions_of_jobs")
_EXECUTIONS_OF_RUN = sql("executions_of_run")
_LAST_ATTEMPTS = sql("last_attempts")
_EXECUTIONS_SHOWN = sql("executions_shown")
_EXECUTION_END = sql("execution_end")
_RUNS_NEWEST = sql("runs_newest")
_RUNS_BY_STATUS = sql("runs_by_status")
_RUNS_OF_JOB = sql("runs_of_job")
_HOSTS_OF_RUN = sql("hosts_of_run")
_RUNS_SHOWN = sql("runs_shown")
_JOBS_MATCHING = sql("jobs_matching")
_JOBS_IN_GROUP = sql("jobs_in_group")
_RECENT_STATUSES = sql("recent_statuses")
_RECENT_STATUSES_OF_JOBS = sql("recent_statuses_of_jobs")

#: Before and after every id.
FIRST_ID: Final = UUID(int=0)
LAST_ID: Final = UUID(int=2**128 - 1)

#: So many rows one question looks at.
WINDOW: Final = 5_000
#: So many when each row is on a page of its own.
SCATTERED_WINDOW: Final = 1_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of history: from `since` on, up to but without `before`."""

    before: UUID = LAST_ID
    since: UUID = FIRST_ID


@dataclass(frozen=True, slots=True)
class Slice:
    """Which of the matching rows are wanted."""

    offset: int
    limit: int


@dataclass(frozen=True, slots=True)
class Found:
    """The ids of one slice, newest first."""

    ids: list[UUID]
    #: Matching rows among those looked at.
    total: int
    #: Older rows of the stretch than this one were not looked at; None when all were.
    looked_back_to: UUID | None


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """Which executions; None means any."""

    status: str | None = None
    agent_id: UUID | None = None
    #: Only of these few jobs.
    job_ids: Sequence[UUID] | None = None
    #: Only of jobs in this group.
    group: str | None = None
    #: Only of jobs with this in their name.
    search: str | None = None


async def executions_in(db: Queries, stretch: Stretch, only: ExecutionFilter, part: Slice) -> Found:
    """Executions in a part of history, by whatever index finds them fastest."""
    low_high = stretch.before, stretch.since
    if only.job_ids is not None:
        jobs = list(only.job_ids)
        each = max(part.offset + part.limit, SCATTERED_WINDOW // max(len(jobs), 1))
        row = await db.fetchrow(
            _EXECUTIONS_OF_JOBS, *low_high, only.status, only.agent_id, jobs, part.offset, part.limit, each
        )
        return _found(row)
    pattern = like_pattern(only.search) if only.search is not None else None
    is_indexed = only.status is not None and only.status != "succeeded"
    statement, window = (
        (_EXECUTIONS_BY_STATUS, SCATTERED_WINDOW) if is_indexed else (_EXECUTIONS_NEWEST, WINDOW)
    )
    row = await db.fetchrow(
        statement, *low_high, only.status, only.agent_id, only.group, pattern, part.offset, part.limit, window
    )
    return _found(row)


async def executions_of_run(
    db: Queries, run_id: UUID, limit: int, *, before: UUID | None = None
) -> list[UUID]:
    """The newest executions of one run, newest first."""
    return [row["id"] for row in await db.fetch(_EXECUTIONS_OF_RUN, run_id, before or LAST_ID, limit)]


async def jobs_in_group(db: Queries, job_ids: Sequence[UUID], group: str) -> set[UUID]:
    """Which of these jobs are in the group."""
    return {row["id"] for row in await db.fetch(_JOBS_IN_GROUP, list(job_ids), group)}


async def last_attempts(db: Queries, run_ids: Sequence[UUID]) -> list[UUID]:
    """The newest execution of each of these runs."""
    return [row["id"] for row in await db.fetch(_LAST_ATTEMPTS, list(run_ids))] if run_ids else []


async def executions_shown(db: Queries, ids: Sequence[UUID]) -> list[Record]:
    """Executions with the names of job and agent, newest first."""
    return await db.fetch(_EXECUTIONS_SHOWN, list(ids)) if ids else []


async def execution(db: Queries, execution_id: UUID) -> Record | None:
    """One execution."""
    return next(iter(await executions_shown(db, [execution_id])), None)


async def execution_end(db: Queries, execution_id: UUID) -> Record | None:
    """Whether and how it ended: status, exit_code, reason."""
    return await db.fetchrow(_EXECUTION_END, execution_id)


async def runs_in(
    db: Queries, stretch: Stretch, *, status: str | None, job_id: UUID | None, part: Slice
) -> Found:
    """Runs in a part of history, by whatever index finds them fastest."""
    asked: list[Any] = [stretch.before, stretch.since, status, part.offset, part.limit]
    if job_id is not None:
        return _found(await db.fetchrow(_RUNS_OF_JOB, *asked, SCATTERED_WINDOW, job_id))
    if status is not None and status != "succeeded":
        return _found(await db.fetchrow(_RUNS_BY_STATUS, *asked, SCATTERED_WINDOW))
    return _found(await db.fetchrow(_RUNS_NEWEST, *asked, WINDOW))


async def runs_shown(db: Queries, ids: Sequence[UUID]) -> list[Record]:
    """Runs with the names of their jobs, newest first."""
    return await db.fetch(_RUNS_SHOWN, list(ids)) if ids else []


async def run(db: Queries, run_id: UUID) -> Record | None:
    """One run."""
    return next(iter(await runs_shown(db, [run_id])), None)


async def hosts_of_run(db: Queries, run_id: UUID) -> list[Record]:
    """How the last attempt on each host of a run ended: `agent_id`, `name`, `status`."""
    return await db.fetch(_HOSTS_OF_RUN, run_id)


async def jobs_matching(
    db: Queries, *, group: str | None, search: str | None, most: int
) -> list[UUID] | None:
    """The jobs of a group, or with a text in their name; None when they are more than `most`."""
    pattern = like_pattern(search) if search is not None else None
    rows = await db.fetch(_JOBS_MATCHING, group, pattern, most)
    return [row["id"] for row in rows] if len(rows) <= most else None


async def recent_statuses(
    db: Queries, job_ids: Sequence[UUID] | None, window: int
) -> dict[str, list[dict[str, Any]]]:
    """The newest ten outcomes of each job: of these, or of those among the newest executions of all."""
    if job_ids is None:
        rows = await db.fetch(_RECENT_STATUSES, window)
    else:
        rows = await db.fetch(_RECENT_STATUSES_OF_JOBS, list(job_ids))
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        one = {"status": row["status"], "started_at": row["started_at"]}
        found.setdefault(str(row["job_id"]), []).append(one)
    return found


def _found(row: Record | None) -> Found:
    if row is None:
        raise AssertionError("the statement answers with one row always")
    return Found(row["ids"], row["total"], row["looked_back_to"])

"""Questions about what is to be looked at: deadlines, late, long and missing runs, failures in a row."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.statements import sql
from tocsin_shared.ids import id_floor

_SET = sql("set_watches")
_WATCH_RUNS = sql("watch_runs")
_DUE = sql("due_watches")
_DELETE = sql("delete_watches")
_FORGET = sql("forget_alerts")
_PUT_OFF_MISSING = sql("put_off_missing")
_LOCK_STREAK = sql("lock_streak")
_SET_STREAK = sql("set_streak")
_RUNS_IN_BRIEF = sql("runs_in_brief")
_RUNS_BEFORE_DEADLINE = sql("runs_before_deadline")

#: Stands for the job as a whole.
NO_RUN: Final = UUID(int=0)
#: The limit in due_watches.sql.
WATCH_BATCH: Final = 100


class WatchKind(StrEnum):
    """What is looked at."""

    #: Has the day's run succeeded by the deadline?
    SLA = "sla"
    #: Has a run succeeded lately?
    MISSING = "missing"
    #: Has the run started?
    LATE_START = "late_start"
    #: Has the run ended?
    TOO_LONG = "too_long"


class Watch(NamedTuple):
    """Something to look at."""

    job_id: UUID
    kind: WatchKind
    run_id: UUID
    #: None: not before something changes.
    due_at: datetime | None
    #: The deadline that an SLA is about.
    about: datetime | None = None


class RunWatch(NamedTuple):
    """A run to look at, so long after an instant."""

    job_id: UUID
    kind: WatchKind
    run_id: UUID
    #: None: now.
    since: datetime | None
    secs: float


class BriefRun(NamedTuple):
    """When a run began and how it ended."""

    id: UUID
    job_id: UUID
    job_version: int
    status: str
    reason: str | None
    started_at: datetime | None
    finished_at: datetime | None


class DayOfRuns(NamedTuple):
    """What is known of a job's runs before a deadline."""

    #: The newest that was not skipped.
    happened: BriefRun | None = None
    skipped: BriefRun | None = None
    #: The oldest that has not ended, whenever it was due.
    open: BriefRun | None = None


class Streak(NamedTuple):
    """Runs that failed in a row."""

    failures: int = 0
    #: It was told; the next success is told, too.
    is_told: bool = False


async def set_watches(session: Session, watches: Sequence[Watch]) -> None:
    """Look at these when they are due, and not at what was there before."""
    if watches:
        await session.execute(
            _SET,
            [w.job_id for w in watches],
            [w.kind.value for w in watches],
            [w.run_id for w in watches],
            [w.due_at for w in watches],
            [w.about for w in watches],
        )


async def watch_runs(session: Session, watches: Sequence[RunWatch]) -> None:
    """Look at these runs later."""
    if watches:
        await session.execute(
            _WATCH_RUNS,
            [w.job_id for w in watches],
            [w.kind.value for w in watches],
            [w.run_id for w in watches],
            [w.since for w in watches],
            [float(w.secs) for w in watches],
        )


async def due_watches(session: Session) -> list[tuple[Watch, datetime]]:
    """What is to be looked at, this transaction's until it ends, each with database time."""
    return [
        (
            Watch(row["job_id"], WatchKind(row["kind"]), row["run_id"], row["due_at"], row["about"]),
            row["now"],
        )
        for row in await session.fetch(_DUE)
    ]


async def delete_watches(session: Session, watches: Sequence[Watch]) -> None:
    """These need not be looked at any more."""
    if watches:
        await session.execute(
            _DELETE,
            [w.job_id for w in watches],
            [w.kind.value for w in watches],
            [w.run_id for w in watches],
        )


async def forget_alerts(session: Session, job_id: UUID) -> None:
    """The job goes, with all that is to be looked at."""
    await session.execute(_FORGET, job_id)


async def put_off_missing(session: Session, job_id: UUID, secs: float) -> None:
    """A run of the job succeeded: none is missing for so long."""
    await session.execute(_PUT_OFF_MISSING, job_id, float(secs))


async def lock_streak(session: Session, job_id: UUID) -> Streak:
    """How many runs in a row have failed; nobody else counts until the transaction ends."""
    row = await session.fetchrow(_LOCK_STREAK, job_id)
    return Streak(row["failures"], row["is_told"]) if row is not None else Streak()


async def set_streak(session: Session, job_id: UUID, streak: Streak) -> None:
    """Keep what was counted."""
    await session.execute(_SET_STREAK, job_id, streak.failures, streak.is_told)


async def runs_in_brief(session: Queries, run_ids: Sequence[UUID]) -> dict[UUID, BriefRun]:
    """These runs; those that are gone are left out."""
    return {row["id"]: _brief(row) for row in await session.fetch(_RUNS_IN_BRIEF, list(run_ids))}


async def runs_before_deadline(session: Queries, job_id: UUID, since: datetime, until: datetime) -> DayOfRuns:
    """What is known of a job's runs that were due between these instants."""
    rows = await session.fetch(_RUNS_BEFORE_DEADLINE, job_id, id_floor(since), id_floor(until))
    return DayOfRuns(**{row["part"]: _brief(row) for row in rows})


def _brief(row: Record) -> BriefRun:
    return BriefRun(*(row[name] for name in BriefRun._fields))

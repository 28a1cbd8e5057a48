"""Questions about results that wait for being judged, and about what judging makes of output."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tocsin_controller.store.database import Queries, Session
from tocsin_controller.store.leasing import Handed
from tocsin_controller.store.statements import sql

_SET_ASIDE = sql("set_results_aside")
_CLAIM = sql("claim_unjudged")
_TAKE = sql("take_judged")
_PUT_BACK = sql("put_back_unjudged")
_CANCEL = sql("cancel_unjudged")
_SET_EXTRACTED = sql("set_extracted")
_REPLACE_OUTPUT = sql("replace_output")
_POINT_OUTPUT = sql("point_output")


@dataclass(frozen=True, slots=True)
class NewResult:
    """A result to be judged."""

    work: Handed
    #: Everything else that was reported.
    result: dict[str, Any]
    age_secs: float
    started_age_secs: float | None
    is_late: bool
    is_cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A result that this controller has claimed."""

    work: Handed
    result: dict[str, Any]
    is_late: bool
    #: The number of this claim.
    claims: int
    started_at: datetime | None
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """A result that is ours to end: what may have changed since, and ages as of now."""

    is_cancel_requested: bool
    age_secs: float
    started_age_secs: float | None


async def set_results_aside(session: Session, results: Sequence[NewResult]) -> None:
    """Keep these until they are judged; those that are kept already stay as they are."""
    if not results:
        return
    await session.execute(
        _SET_ASIDE,
        [r.work.execution_id for r in results],
        [r.work.run_id for r in results],
        [r.work.job_id for r in results],
        [r.work.job_version for r in results],
        [r.work.attempt_number for r in results],
        [r.work.scheduled_for for r in results],
        [r.work.agent_id for r in results],
        [r.work.fence for r in results],
        [r.started_age_secs for r in results],
        [r.age_secs for r in results],
        [r.result for r in results],
        [r.is_late for r in results],
        [r.is_cancel_requested for r in results],
    )


async def claim_unjudged(session: Queries, limit: int, secs: float) -> list[Unjudged]:
    """Results that nobody judges; they are this controller's for so long."""
    return [
        Unjudged(
            Handed(
                row["execution_id"], row["run_id"], row["job_id"], row["job_version"], row["attempt_number"],
                row["agent_id"], row["fence"], row["scheduled_for"],
            ),
            row["result"],
            row["is_late"],
            row["claims"],
            row["started_at"],
            row["finished_at"],
        )
        for row in await session.fetch(_CLAIM, limit, float(secs))
    ]  # fmt: skip


async def take_judged(session: Session, one: Unjudged) -> Taken | None:
    """It is this transaction's to end; None when another controller claimed it meanwhile."""
    row = await session.fetchrow(_TAKE, one.work.execution_id, one.claims)
    return Taken(**row) if row is not None else None


async def put_back_unjudged(session: Queries, one: Unjudged, secs: float, *, is_counted: bool = True) -> None:
    """Somebody may try again in so many seconds; not counted when this claim failed for no fault of the result."""
    await session.execute(_PUT_BACK, one.work.execution_id, one.claims, float(secs), is_counted)


async def cancel_unjudged(session: Queries, execution_ids: Sequence[UUID]) -> None:
    """These are not to be tried again, however they are judged."""
    await session.execute(_CANCEL, list(execution_ids))


async def set_extracted(session: Queries, execution_id: UUID, extracted: dict[str, str]) -> None:
    """What the rules took from its output."""
    await session.execute(_SET_EXTRACTED, execution_id, extracted)


async def replace_output(session: Session, execution_id: UUID, stream: int, data: bytes) -> None:
    """What is kept of this stream is this."""
    await session.execute(_REPLACE_OUTPUT, execution_id, stream, data)


async def point_output(session: Session, execution_id: UUID, said: bytes) -> None:
    """What it printed is kept elsewhere, and this says where."""
    await session.execute(_POINT_OUTPUT, execution_id, said)

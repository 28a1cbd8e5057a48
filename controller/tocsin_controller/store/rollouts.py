"""Questions about runs that go about it in batches."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from tocsin_controller.store.database import Record, Session
from tocsin_controller.store.leasing import Lane, NewWork, Work
from tocsin_controller.store.statements import sql
from tocsin_shared.executions import Reason
from tocsin_shared.wire import dumps

_BEGIN_ROLLOUTS = sql("begin_rollouts")
_HOLD_ROLLOUT = sql("hold_rollout")
_ROLLOUT_FACTS = sql("rollout_facts")
_ROLLOUT_BATCH = sql("rollout_batch")
_RELEASE_BATCH = sql("release_batch")
_AWAIT_HOSTS = sql("await_hosts")
_WITHDRAW_ROLLOUT = sql("withdraw_rollout")
_WITHDRAW_AWAY = sql("withdraw_away")
_FORGET_WAITS = sql("forget_waits")
_FORGET_LATE = sql("forget_late")
_SET_ROLLOUT = sql("set_rollout")


class PlannedWait(NamedTuple):
    """An execution that waits for its batch, or for its host."""

    execution_id: UUID
    batch: int
    agent_id: UUID
    #: Out of its agent's reach; otherwise the agent takes it as soon as it is back.
    is_held: bool
    reason: Reason
    message: str


class PlannedRollout(NamedTuple):
    """How a run that is written goes about it."""

    state: dict[str, Any]
    #: How long hosts that are away are waited for; None: none are.
    wait_secs: float | None
    waits: tuple[PlannedWait, ...]
    #: The instant at which the run begins; None: at once.
    ready_at: datetime | None = None


class StoredRollout(NamedTuple):
    """How a rollout stands."""

    run_id: UUID
    job_id: UUID
    job_version: int
    state: dict[str, Any]
    open: int
    failures: int
    now: datetime
    #: Executions that wait for their batch; and those of hosts that are waited for.
    early: int
    late: int


class Waiting(NamedTuple):
    """An execution whose batch begins."""

    execution_id: UUID
    agent_id: UUID
    batch: int
    #: Of the agent; None when it was removed.
    name: str | None
    status: str


async def begin_rollouts(
    session: Session, rollouts: Sequence[tuple[UUID, PlannedRollout]]
) -> dict[UUID, float]:
    """Runs that were written in this transaction go about it in batches; in how many seconds each may begin."""
    if not rollouts:
        return {}
    waits = [(run_id, wait) for run_id, rollout in rollouts for wait in rollout.waits]
    rows = await session.fetch(
        _BEGIN_ROLLOUTS,
        [run_id for run_id, _ in rollouts],
        [rollout.state for _, rollout in rollouts],
        [rollout.wait_secs for _, rollout in rollouts],
        [wait.execution_id for _, wait in waits],
        [run_id for run_id, _ in waits],
        [wait.batch for _, wait in waits],
        [wait.agent_id for _, wait in waits],
        [wait.is_held for _, wait in waits],
        [wait.reason.value for _, wait in waits],
        min((wait.execution_id for _, wait in waits), default=None),
        [wait.message for _, wait in waits],
        [rollout.ready_at for _, rollout in rollouts],
    )
    return {row["run_id"]: row["begins_in_secs"] for row in rows}


async def hold_rollout(session: Session, run_id: UUID, wait_secs: float | None, *, may_begin: bool) -> float:
    """What is not in the first batch of a run that was let go waits; in how many seconds that batch may begin."""
    secs = None if wait_secs is None else float(wait_secs)
    return float(await session.fetchval(_HOLD_ROLLOUT, run_id, secs, may_begin) or 0)


async def rollout_facts(session: Session, run_ids: Sequence[UUID]) -> list[StoredRollout]:
    """How these stand; those without a rollout are left out. Their runs must be locked."""
    return [StoredRollout(*row) for row in await session.fetch(_ROLLOUT_FACTS, list(run_ids))]


async def rollout_batch(session: Session, run_id: UUID, batch: int) -> list[Waiting]:
    """Who waits in this batch, and in those before it."""
    return [Waiting(*row) for row in await session.fetch(_ROLLOUT_BATCH, run_id, batch)]


async def release_batch(
    session: Session, execution_ids: Sequence[UUID], queue_timeout_secs: float
) -> tuple[int, list[tuple[Lane, NewWork]]]:
    """Let agents take these; how many could be let go, and where those wait that may be taken at once."""
    if not execution_ids:
        return 0, []
    rows = await session.fetch(
        _RELEASE_BATCH, list(execution_ids), float(queue_timeout_secs), min(execution_ids)
    )
    return len(rows), [
        (Lane(row["route"], row["priority"]), NewWork(row["position"], 1))
        for row in rows
        if row["ready_at"] is None
    ]


async def await_hosts(
    session: Session, execution_ids: Sequence[UUID], batch: int, message: str, *, may_begin: bool
) -> int:
    """These wait for their hosts, in this batch; how many could be told so."""
    if not execution_ids:
        return 0
    return await session.execute(
        _AWAIT_HOSTS, list(execution_ids), batch, may_begin, message, min(execution_ids)
    )


async def withdraw_rollout(session: Session, run_id: UUID, from_batch: int) -> list[tuple[Work, UUID, str]]:
    """Take what waits out of the queue; each with its agent's id and name."""
    rows = await session.fetch(_WITHDRAW_ROLLOUT, run_id, from_batch)
    return [(_work(row), row["agent_id"], row["name"]) for row in rows]


async def withdraw_away(session: Session, execution_ids: Sequence[UUID]) -> list[Work]:
    """Take these out of the queue."""
    if not execution_ids:
        return []
    return [_work(row) for row in await session.fetch(_WITHDRAW_AWAY, list(execution_ids))]


async def forget_waits(session: Session, execution_ids: Sequence[UUID]) -> None:
    """These ended."""
    await session.execute(_FORGET_WAITS, list(execution_ids))


async def forget_late(session: Session, run_id: UUID, from_batch: int) -> None:
    """The hosts of this batch are not waited for any longer."""
    await session.execute(_FORGET_LATE, run_id, from_batch)


async def set_rollout(
    session: Session, run_id: UUID, state: dict[str, Any], not_reached: Sequence[dict[str, str]] = ()
) -> None:
    """How far it is, and hosts that it did not reach."""
    told = dumps(list(not_reached)).decode() if not_reached else None
    await session.execute(_SET_ROLLOUT, run_id, state, told)


def _work(row: Record) -> Work:
    return Work(row["execution_id"], row["run_id"], row["job_id"], row["job_version"], row["attempt_number"])

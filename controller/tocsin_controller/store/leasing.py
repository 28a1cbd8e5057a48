"""Questions about the queue and about leases: who may run what."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from tocsin_controller.store.database import Queries, Record
from tocsin_controller.store.statements import sql
from tocsin_shared.protocol import Held

#: The limit in expired_leases.sql.
LEASE_PAGE = 1_000
#: Executions that waited too long, in one look; the statement says the same number.
QUEUE_PAGE = 500

_QUEUE_LANES = sql("queue_lanes")
_CLAIM = sql("claim")
_LEASES_OF_AGENTS = sql("leases_of_agents")
_REOFFER = sql("reoffer")
_REQUEUE = sql("requeue")
_RENEW_LEASES = sql("renew_leases")
_EXPIRED_LEASES = sql("expired_leases")
_LOCK_LEASES = sql("lock_leases")
_EXECUTION_STATES = sql("execution_states")
_EXPIRED_QUEUE = sql("expired_queue")
_NOTE_FOUND = sql("note_found")
_LANE_HEAD = sql("lane_head")
_HOLD_BACK = sql("hold_back")
_WITHDRAW = sql("withdraw")
_WITHDRAW_JOB = sql("withdraw_job")
_WITHDRAW_AGENT = sql("withdraw_agent")
_REQUEST_CANCEL = sql("request_cancel")


@dataclass(frozen=True, slots=True)
class Lane:
    """Rows of the queue that the same agents may take and that are equally urgent."""

    route: str
    priority: int


class NewWork(NamedTuple):
    """Rows just put into a lane."""

    #: Position of the first of them.
    first: int
    rows: int


def add_work(lanes: dict[Lane, NewWork], lane: Lane, work: NewWork) -> None:
    """Note work that was put into a lane, beside what is known of it already."""
    known = lanes.get(lane)
    lanes[lane] = NewWork(min(known.first, work.first), known.rows + work.rows) if known else work


def lanes_of(rows: Iterable[Record]) -> dict[Lane, NewWork]:
    """Where rows of the queue (route, priority, position) are now."""
    lanes: dict[Lane, NewWork] = {}
    for row in rows:
        add_work(lanes, Lane(row["route"], row["priority"]), NewWork(row["position"], 1))
    return lanes


@dataclass(frozen=True, slots=True)
class Work:
    """An execution and what it belongs to."""

    execution_id: UUID
    run_id: UUID
    job_id: UUID
    job_version: int
    attempt_number: int


@dataclass(frozen=True, slots=True)
class Handed(Work):
    """An execution just handed to an agent."""

    agent_id: UUID
    fence: int
    scheduled_for: datetime | None


@dataclass(frozen=True, slots=True)
class Lease(Handed):
    """An execution that an agent has, or should have."""

    started: bool
    is_cancel_requested: bool
    #: Of which process of the agent, and in which answer; None when the question did not ask.
    incarnation: UUID | None = None
    seq: int | None = None
    age_secs: float = 0
    overdue_secs: float = 0


class Seats(NamedTuple):
    """Those who take from one lane: one seat per row that can be placed, each the number of a taker."""

    lane: Lane
    #: Rows up to this position need not be looked at.
    low: int
    seats: Sequence[int]


class Taker(NamedTuple):
    """Who gets work, and in which of its polls; simple agents name none."""

    agent_id: UUID
    incarnation: UUID | None
    seq: int | None


class Claimed(NamedTuple):
    """A row that was found. It was handed out unless `handed` is None: its taker was superseded meanwhile."""

    #: Which of the `Seats`, and which taker.
    look: int
    taker: int
    position: int
    handed: Handed | None


@dataclass(frozen=True, slots=True)
class ExecutionState(Work):
    """Where an execution without a lease stands."""

    agent_id: UUID | None
    fence: int
    status: str


async def scan_lanes(session: Queries) -> list[Lane]:
    """All lanes that hold takeable work."""
    return [Lane(row["route"], row["priority"]) for row in await session.fetch(_QUEUE_LANES)]


async def claim(
    session: Queries, looks: Sequence[Seats], takers: Sequence[Taker], lease_secs: float
) -> list[Claimed]:
    """Turn the oldest rows of these lanes into leases. Atomic; needs no transaction around it."""
    rows = await session.fetch(
        _CLAIM,
        [look.lane.route for look in looks],
        [look.lane.priority for look in looks],
        [look.low for look in looks],
        [len(look.seats) for look in looks],
        [seat + 1 for look in looks for seat in look.seats],
        [taker.agent_id for taker in takers],
        [taker.incarnation for taker in takers],
        [taker.seq for taker in takers],
        [lease_secs] * len(takers),
    )
    return [
        Claimed(row["look"], row["call"], row["position"], None if row["fence"] is None else _handed(row))
        for row in rows
    ]


async def leases_of(session: Queries, agent_ids: Iterable[UUID]) -> dict[UUID, list[Lease]]:
    """What each of these agents is believed to have."""
    leases: dict[UUID, list[Lease]] = {agent_id: [] for agent_id in agent_ids}
    for row in await session.fetch(_LEASES_OF_AGENTS, list(leases)):
        leases[row["agent_id"]].append(Lease(**row))
    return leases


async def offer_again(
    session: Queries, leases: Sequence[tuple[Lease, UUID | None, int | None]], lease_secs: float
) -> list[Handed]:
    """Hand these out again in another answer of the same agent, with a higher fence."""
    rows = await session.fetch(
        _REOFFER,
        [lease.execution_id for lease, _, _ in leases],
        [lease.fence for lease, _, _ in leases],
        [incarnation for _, incarnation, _ in leases],
        [seq for _, _, seq in leases],
        [lease_secs] * len(leases),
    )
    return [_handed(row) for row in rows]


async def requeue(session: Queries, leases: Sequence[tuple[Lease, str, int, float]]) -> None:
    """Take these back: (lease, route, priority, queue_timeout_secs). Those that moved on meanwhile are left."""
    if leases:
        await session.execute(
            _REQUEUE,
            [lease.execution_id for lease, _, _, _ in leases],
            [lease.fence for lease, _, _, _ in leases],
            [route for _, route, _, _ in leases],
            [priority for _, _, priority, _ in leases],
            [float(timeout) for _, _, _, timeout in leases],
        )


async def renew_leases(session: Queries, held: Sequence[tuple[UUID, Held]], lease_secs: float) -> None:
    """Agents said they still have these."""
    if held:
        held = sorted(held, key=lambda one: one[1].execution_id.int)  # as lock_leases does
        await session.execute(
            _RENEW_LEASES,
            [h.execution_id for _, h in held],
            [h.fence for _, h in held],
            [agent_id for agent_id, _ in held],
            lease_secs,
        )


async def expired_leases(session: Queries, after: UUID) -> list[Lease]:
    """Leases that ran out, with for how long: at most `LEASE_PAGE`, those of the executions after this one."""
    return [Lease(**row) for row in await session.fetch(_EXPIRED_LEASES, after)]


async def lock_leases(session: Queries, execution_ids: Iterable[UUID]) -> dict[UUID, Lease]:
    """The leases of these executions, locked."""
    rows = await session.fetch(_LOCK_LEASES, sorted(set(execution_ids)))
    return {row["execution_id"]: Lease(**row) for row in rows}


async def execution_states(session: Queries, execution_ids: Iterable[UUID]) -> dict[UUID, ExecutionState]:
    """Where these stand, locked."""
    rows = await session.fetch(_EXECUTION_STATES, sorted(set(execution_ids)))
    return {row["execution_id"]: ExecutionState(**row) for row in rows}


async def note_found(session: Queries, execution_ids: Sequence[UUID], message: str) -> list[Record]:
    """Lost executions are still there after all; id, job_id and agent_id of those for which that is new."""
    return await session.fetch(_NOTE_FOUND, list(execution_ids), [message] * len(execution_ids))


async def expired_queue(session: Queries) -> list[tuple[Work, str]]:
    """Executions that waited too long, the oldest `QUEUE_PAGE`, each with the route nobody served."""
    return [(_work(row), row["route"]) for row in await session.fetch(_EXPIRED_QUEUE)]


async def lane_head(session: Queries, lane: Lane, low: int) -> Work | None:
    """What a claim in this lane would take first."""
    row = await session.fetchrow(_LANE_HEAD, lane.route, lane.priority, low)
    return _work(row) if row else None


async def hold_back(session: Queries, execution_ids: Sequence[UUID], *, is_held: bool = True) -> None:
    """Nobody takes these any more, or with `is_held=False` they may be taken again."""
    await session.execute(_HOLD_BACK, list(execution_ids), is_held)


async def withdraw(session: Queries, execution_ids: Sequence[UUID]) -> list[Work]:
    """Take these out of the queue; those that were still there."""
    return [_work(row) for row in await session.fetch(_WITHDRAW, list(execution_ids))]


async def withdraw_job(session: Queries, job_id: UUID) -> list[Work]:
    """Take everything of a job out of the queue."""
    return [_work(row) for row in await session.fetch(_WITHDRAW_JOB, job_id)]


async def withdraw_route(session: Queries, route: str) -> list[Work]:
    """Take everything of one route out of the queue."""
    return [_work(row) for row in await session.fetch(_WITHDRAW_AGENT, route)]


async def request_cancel(session: Queries, execution_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Note that these handed-out executions should end; which agent has each."""
    rows = await session.fetch(_REQUEST_CANCEL, list(execution_ids))
    return {row["execution_id"]: row["agent_id"] for row in rows}


def _work(row: Record) -> Work:
    return Work(row["execution_id"], row["run_id"], row["job_id"], row["job_version"], row["attempt_number"])


def _handed(row: Record) -> Handed:
    return Handed(
        row["execution_id"],
        row["run_id"],
        row["job_id"],
        row["job_version"],
        row["attempt_number"],
        row["agent_id"],
        row["fence"],
        row["scheduled_for"],
    )

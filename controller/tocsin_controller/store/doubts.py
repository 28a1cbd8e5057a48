"""Questions about what a lost part of the database may have handed out: it waits for its agent to come back with it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from tocsin_controller.store.database import Queries
from tocsin_controller.store.leasing import Handed, Work
from tocsin_controller.store.statements import sql

_DOUBT_HANDED_OUT = sql("doubt_handed_out")
_UNCERTAIN_ROUTES = sql("uncertain_routes")
_ADOPT = sql("adopt")
_UNCERTAIN_JOBS = sql("uncertain_jobs")
_UNCLAIMED_UNCERTAIN = sql("unclaimed_uncertain")


@dataclass(frozen=True, slots=True)
class Uncertain(Work):
    """Waits in the queue, but may have been handed out."""

    #: Whoever takes from here may have it.
    route: str
    scheduled_for: datetime | None
    #: Higher than any that it was handed out with.
    fence: int
    #: Only a third-party agent can have it, and that can't end its copy by itself.
    may_run_on: bool


class Named(NamedTuple):
    """An agent says that it has this execution, or had it."""

    execution_id: UUID
    fence: int
    agent_id: UUID
    #: Of which process and which poll; None when a report says it.
    incarnation: UUID | None
    seq: int | None


async def doubt_handed_out(session: Queries) -> int:
    """An epoch begins: nothing that may have been handed out is handed out again; how much that is in the queue."""
    doubted: int = await session.fetchval(_DOUBT_HANDED_OUT)
    return doubted


async def uncertain_routes(session: Queries, execution_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Which of these may have been handed out, each with its route."""
    rows = await session.fetch(_UNCERTAIN_ROUTES, sorted(set(execution_ids)))
    return {row["execution_id"]: row["route"] for row in rows}


async def adopt(session: Queries, named: Sequence[Named], lease_secs: float) -> list[Handed]:
    """What agents say that they have becomes theirs; those that were uncertain until now, and had no higher fence."""
    rows = await session.fetch(
        _ADOPT,
        [n.execution_id for n in named],
        [n.fence for n in named],
        [n.agent_id for n in named],
        [n.incarnation for n in named],
        [n.seq for n in named],
        lease_secs,
    )
    return [Handed(**row) for row in rows]


async def uncertain_jobs(session: Queries) -> list[tuple[UUID, int]]:
    """Whose work may have been handed out: jobs and their versions."""
    return [(row["job_id"], row["job_version"]) for row in await session.fetch(_UNCERTAIN_JOBS)]


async def unclaimed_uncertain(
    session: Queries, patience_secs: Mapping[tuple[UUID, int], float]
) -> list[Uncertain]:
    """What no agent came back with for longer than its job's patience; not all at once."""
    rows = await session.fetch(
        _UNCLAIMED_UNCERTAIN,
        [job_id for job_id, _ in patience_secs],
        [version for _, version in patience_secs],
        list(patience_secs.values()),
    )
    return [Uncertain(**row) for row in rows]

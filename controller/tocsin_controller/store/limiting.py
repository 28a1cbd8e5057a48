"""Questions about how much of one job one agent has (`max_per_agent`)."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from tocsin_controller.store.database import Queries, Session
from tocsin_controller.store.leasing import Handed, Lane, NewWork, lanes_of
from tocsin_controller.store.statements import sql

_LEASES_OF_JOBS = sql("leases_of_jobs")
_COUNT_LEASES = sql("count_leases")
_PUT_BACK = sql("put_back")
_WAKE_LIMITED = sql("wake_limited")


class HeldOfJob(NamedTuple):
    """An execution that an agent has of a job."""

    execution_id: UUID
    agent_id: UUID
    job_id: UUID
    #: It was found to be within the limit, or runs whatever the limit says.
    is_counted: bool


class Returned(NamedTuple):
    """An execution to put back into the queue."""

    work: Handed
    route: str
    priority: int
    queue_timeout_secs: float


async def leases_of_jobs(
    session: Session, agent_ids: Sequence[UUID], job_ids: Sequence[UUID]
) -> list[HeldOfJob]:
    """What these agents have of these jobs."""
    return [HeldOfJob(*row) for row in await session.fetch(_LEASES_OF_JOBS, list(agent_ids), list(job_ids))]


async def count_leases(session: Session, execution_ids: Sequence[UUID]) -> None:
    """These are within the limit."""
    if execution_ids:
        await session.execute(_COUNT_LEASES, list(execution_ids))


async def put_back(session: Session, returned: Sequence[Returned], delay_secs: float) -> None:
    """Back into the queue, to be offered again after this time or when an agent has room."""
    if returned:
        await session.execute(
            _PUT_BACK,
            [one.work.execution_id for one in returned],
            [one.work.fence for one in returned],
            [one.route for one in returned],
            [one.priority for one in returned],
            [float(one.queue_timeout_secs) for one in returned],
            delay_secs,
        )


async def wake_limited(session: Queries, ended: Sequence[tuple[UUID, str]]) -> dict[Lane, NewWork]:
    """For each (job, route) one that waits for room may be taken; the lanes that got them."""
    if not ended:
        return {}
    room = sorted(Counter(ended).items())
    rows = await session.fetch(
        _WAKE_LIMITED,
        [job_id for (job_id, _), _ in room],
        [route for (_, route), _ in room],
        [number for _, number in room],
    )
    return lanes_of(rows)

"""Agents come back with what a lost part of the database handed out: it is theirs again."""

from collections.abc import Collection, Iterable, Sequence

from tocsin_controller.store.database import Queries
from tocsin_controller.store.doubts import Named, adopt, uncertain_routes
from tocsin_controller.store.ending import Start
from tocsin_controller.store.leasing import Handed


async def adopt_named(
    session: Queries, claims: Sequence[tuple[Named, Collection[str]]], lease_secs: float
) -> list[Handed]:
    """What agents name, each with the routes it takes from; what became theirs. Who could not have got it gets nothing.

    Call it before anything of these executions is locked: like every other way out of the queue it takes the row there
    first.
    """
    if not claims:
        return []
    wanted = await uncertain_routes(session, [named.execution_id for named, _ in claims])
    theirs = [named for named, routes in claims if wanted.get(named.execution_id) in routes]
    return await adopt(session, theirs, lease_secs) if theirs else []


def starts_of(adopted: Iterable[Handed]) -> list[Start]:
    """What is adopted has been started; since when, its agent's report says if it is still to come."""
    return [Start(a.execution_id, a.run_id, a.agent_id, a.fence, 0.0) for a in adopted]

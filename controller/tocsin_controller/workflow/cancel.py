"""Ending executions because somebody asked for it (G9: `cancelled` only once that is true)."""

from collections.abc import Sequence
from uuid import UUID

from tocsin_controller.hints import Hints, agent_topic
from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.store.approvals import (
    drop_moot_approvals,
    lock_unapproved,
    lock_unapproved_of_job,
)
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.leasing import (
    Work,
    leases_of,
    request_cancel,
    withdraw,
    withdraw_job,
    withdraw_route,
)
from tocsin_controller.store.places import note_replaced
from tocsin_controller.store.statements import sql
from tocsin_controller.store.unjudged import cancel_unjudged
from tocsin_controller.workflow.ending import Aftermath, Ended, Ender
from tocsin_shared.errors import NotFound
from tocsin_shared.executions import ExecutionStatus, Reason

_EXECUTION_STATUS = sql("execution_status")
_OPEN_EXECUTIONS_OF_RUN = sql("open_executions_of_run")
_RUN_EXISTS = sql("run_exists")


class Canceller:
    """Withdraws what waits, and asks agents to end what they have."""

    def __init__(self, db: Database, hints: Hints, ender: Ender) -> None:
        self._db = db
        self._hints = hints
        self._ender = ender

    async def cancel_execution(self, execution_id: UUID, *, by: Principal) -> str:
        """Cancel one execution; its status afterwards, or `cancelling` while its agent is being told.

        Raises NotFound. Cancelling what has ended changes nothing.
        """
        status = await self._db.fetchval(_EXECUTION_STATUS, execution_id)
        if status is None:
            raise NotFound(f"there is no execution {execution_id}")
        await self._cancel([execution_id], by=by, resource=("execution", execution_id))
        return await self._where_it_stands(execution_id)

    async def cancel_run(self, run_id: UUID, *, by: Principal) -> list[UUID]:
        """Cancel every open execution of a run; which those were. Raises NotFound."""
        if not await self._db.fetchval(_RUN_EXISTS, run_id):
            raise NotFound(f"there is no run {run_id}")
        ids = [row["execution_id"] for row in await self._db.fetch(_OPEN_EXECUTIONS_OF_RUN, run_id)]
        if ids:
            await self._cancel(ids, by=by, resource=("run", run_id))
        return ids

    async def replace_run(self, run_id: UUID, newer_id: UUID) -> None:
        """End a run because a newer one takes its place. What runs is asked to end, and has its place until then."""
        ids = [row["execution_id"] for row in await self._db.fetch(_OPEN_EXECUTIONS_OF_RUN, run_id)]
        async with self._db.transaction() as session:
            works = await withdraw(session, ids)
            agents = await request_cancel(session, ids)
            message = f"replaced by the newer run {newer_id}"
            aftermath = await self._end_unstarted(session, works, Reason.REPLACED, message)
            if works or agents:
                await add_events(session, [_replaced(run_id, newer_id)])
            await note_replaced(session, run_id, newer_id)
        self._tell(aftermath, agents)

    async def cancel_waiting(self, session: Session, job_id: UUID) -> Aftermath:
        """End everything of a job that waits, because the job is being deleted. Announce after the commit."""
        unapproved = await lock_unapproved_of_job(session, job_id)
        works = [*unapproved, *await withdraw_job(session, job_id)]
        aftermath = await self._end_unstarted(session, works, Reason.JOB_DELETED, "the job was deleted")
        await drop_moot_approvals(session, [work.run_id for work in unapproved])
        return aftermath

    async def cancel_route(self, session: Session, route: str) -> Aftermath:
        """End everything that only a removed agent could have taken. Announce after the commit."""
        works = await withdraw_route(session, route)
        return await self._end_unstarted(session, works, Reason.AGENT_REMOVED, "the agent was removed")

    async def lose_leases(self, session: Session, agent_id: UUID) -> Aftermath:
        """A removed agent can't report any more: what it has is lost. Announce after the commit."""
        leases = (await leases_of(session, [agent_id]))[agent_id]
        message = "the agent was removed; whether it ended is not known"
        ended = [
            Ended.of_lease(
                lease, ExecutionStatus.LOST, Reason.AGENT_REMOVED, message, may_run_on=lease.seq is None
            )
            for lease in leases
        ]
        return await self._ender.end_leased(session, ended)

    def announce(self, aftermath: Aftermath) -> None:
        """Tell watchers; call it after the commit."""
        self._ender.announce(aftermath)

    async def _cancel(self, ids: Sequence[UUID], *, by: Principal, resource: tuple[str, UUID]) -> None:
        """In the order in which executions go on: what moves meanwhile is still found by the next look.

        Runs are locked last, as by those who record results.
        """
        async with self._db.transaction() as session:
            unapproved = await lock_unapproved(session, ids)
            works = [*unapproved, *await withdraw(session, ids)]
            agents = await request_cancel(session, ids)
            await cancel_unjudged(session, ids)
            aftermath = await self._end_unstarted(session, works, Reason.CANCELLED, f"cancelled by {by.name}")
            await drop_moot_approvals(session, [work.run_id for work in unapproved])
            if works or agents:
                kind, resource_id = resource
                await add_audit(session, by, f"{kind}.cancelled", kind, resource_id)
        self._tell(aftermath, agents)

    def _tell(self, aftermath: Aftermath, agents: dict[UUID, UUID]) -> None:
        self._ender.announce(aftermath)
        for agent_id in set(agents.values()):
            self._hints.hint(agent_topic(agent_id))

    async def _end_unstarted(
        self, session: Session, works: Sequence[Work], reason: Reason, message: str
    ) -> Aftermath:
        ended = [Ended(work, ExecutionStatus.CANCELLED, reason, message) for work in works]
        return await self._ender.end(session, ended)

    async def _where_it_stands(self, execution_id: UUID) -> str:
        row = await self._db.fetchrow(_EXECUTION_STATUS, execution_id)
        if row is None:
            raise NotFound(f"there is no execution {execution_id}")
        status = ExecutionStatus(row["status"])
        return status.value if status.is_final else "cancelling"


def _replaced(run_id: UUID, newer_id: UUID) -> NewEvent:
    return NewEvent(
        kind="run.replaced",
        severity="info",
        message=f"Run {run_id} is ended for the newer run {newer_id}",
        run_id=run_id,
    )

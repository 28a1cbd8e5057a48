"""Decisions about runs that wait for approval: whoever takes the row in `approvals` makes it, once.

One decision counts for the whole run, whichever of its executions was named. Where None is returned the caller has to
roll back.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from tocsin_controller.definitions import Definitions
from tocsin_controller.isolation import PASSING
from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.store.approvals import (
    AskedRun,
    Unapproved,
    expired_approvals,
    note_decision,
    note_put_off,
    put_off_approval,
    queue_approved,
    take_approval,
    unapproved_executions,
)
from tocsin_controller.store.database import Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.leasing import Lane, NewWork
from tocsin_controller.targeting import agent_route, route_for
from tocsin_controller.workflow.ending import Aftermath, Ended, Ender
from tocsin_controller.workflow.gates.entering import ask_for_places
from tocsin_controller.workflow.rollouts.driving import resume
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.logs import log

#: A run that can't be cancelled although nobody approved it in time is looked at again after so long.
PUT_OFF_SECS: Final = 300.0


@dataclass(frozen=True, slots=True)
class PutOff:
    """An approved run does not start yet."""

    until: datetime
    #: One sentence.
    why: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that was made in a transaction still to be committed."""

    run_id: UUID
    execution_ids: list[UUID] = field(default_factory=list)
    aftermath: Aftermath = field(default_factory=Aftermath)


class Approver:
    """Lets runs go that wait for approval, or ends them."""

    def __init__(self, definitions: Definitions, ender: Ender) -> None:
        self._definitions = definitions
        self._ender = ender

    async def approve(
        self,
        session: Session,
        run_id: UUID,
        execution_id: UUID,
        by: Principal,
        note: str | None,
        put_off: PutOff | None = None,
    ) -> Decided | None:
        """Let the run go, perhaps later; None when this execution does not wait for approval (any more)."""
        asked, waiting = await _take(session, run_id, execution_id)
        if asked is None:
            return None
        job = await self._definitions.get(session, (asked.job_id, asked.job_version))
        if not isinstance(job, JobDefinition):
            return await self._end(session, asked, waiting, Reason.INTERNAL, "its definition can't be read")
        has_place = await ask_for_places(session, run_id, asked.job_id, asked.job_version, job)
        if put_off is not None and has_place:
            await note_put_off(session, run_id, put_off.why)
        lanes = await self._queue(session, job, waiting, put_off, is_held=not has_place)
        await resume(session, run_id, job, may_begin=has_place)
        await note_decision(session, run_id, "approved", by=by.name, note=note)
        await add_events(session, [_event("execution.approved", asked, waiting, job.name, by, note)])
        await add_audit(session, by, "execution.approved", "run", run_id, note)
        ids = [one.work.execution_id for one in waiting]
        return Decided(run_id, ids, Aftermath(lanes=lanes))

    async def reject(
        self, session: Session, run_id: UUID, execution_id: UUID, by: Principal, note: str | None
    ) -> Decided | None:
        """Cancel the run; None when this execution does not wait for approval (any more)."""
        asked, waiting = await _take(session, run_id, execution_id)
        if asked is None:
            return None
        message = f"rejected by {by.name}" + (f": {note}" if note else "")
        decided = await self._end(session, asked, waiting, Reason.REJECTED, message)
        await note_decision(session, run_id, "rejected", by=by.name, note=note)
        name = await self._name(session, asked)
        await add_events(session, [_event("execution.rejected", asked, waiting, name, by, note)])
        await add_audit(session, by, "execution.rejected", "run", run_id, note)
        return decided

    async def expire(self, session: Session) -> list[Decided]:
        """Cancel runs that nobody approved in time; some of them, if there are many."""
        decided = []
        for asked in await expired_approvals(session):
            try:
                async with session.transaction() as part:
                    decided.append(await self._expire(part, asked))
            except PASSING:
                raise
            except Exception:  # the others expire all the same
                log.exception("approval_put_off", run_id=str(asked.run_id))
                await put_off_approval(session, asked.run_id, PUT_OFF_SECS)
        return decided

    def announce(self, decided: Decided) -> None:
        """Tell watchers and the dispatcher; call it after the commit."""
        self._ender.announce(decided.aftermath)

    async def _expire(self, session: Session, asked: AskedRun) -> Decided:
        await take_approval(session, asked.run_id)
        waiting = await unapproved_executions(session, asked.run_id)
        message = "nobody approved it in time"
        decided = await self._end(session, asked, waiting, Reason.APPROVAL_EXPIRED, message)
        await note_decision(session, asked.run_id, "expired")
        name = await self._name(session, asked)
        await add_events(session, [_event("execution.approval_expired", asked, waiting, name, None, None)])
        return decided

    async def _queue(
        self,
        session: Session,
        job: JobDefinition,
        waiting: list[Unapproved],
        put_off: PutOff | None,
        *,
        is_held: bool,
    ) -> dict[Lane, NewWork]:
        return await queue_approved(
            session,
            [(one.work.execution_id, _route(job, one)) for one in waiting],
            priority=job.priority,
            queue_timeout_secs=job.queue_timeout_secs,
            is_held=is_held,
            not_before=put_off.until if put_off is not None else None,
        )

    async def _end(
        self, session: Session, asked: AskedRun, waiting: list[Unapproved], reason: Reason, message: str
    ) -> Decided:
        ended = [Ended(one.work, ExecutionStatus.CANCELLED, reason, message) for one in waiting]
        aftermath = await self._ender.end(session, ended)
        return Decided(asked.run_id, [one.work.execution_id for one in waiting], aftermath)

    async def _name(self, session: Session, asked: AskedRun) -> str:
        job = await self._definitions.get(session, (asked.job_id, asked.job_version))
        return job.name if isinstance(job, JobDefinition) else str(asked.job_id)


async def _take(
    session: Session, run_id: UUID, execution_id: UUID
) -> tuple[AskedRun | None, list[Unapproved]]:
    """The right to decide, if this execution is among those that wait."""
    waiting = await unapproved_executions(session, run_id)
    if all(one.work.execution_id != execution_id for one in waiting):
        return None, []
    asked = await take_approval(session, run_id)
    if asked is None:
        return None, []
    # Again: a cancel may have been first, and held the row until it was done.
    waiting = await unapproved_executions(session, run_id)
    if all(one.work.execution_id != execution_id for one in waiting):
        return None, []
    return asked, waiting


def _route(job: JobDefinition, one: Unapproved) -> str:
    return agent_route(one.agent_id) if one.agent_id else route_for(job.target, job.task.type)


def _event(
    kind: str, asked: AskedRun, waiting: list[Unapproved], name: str, by: Principal | None, note: str | None
) -> NewEvent:
    words = {
        "execution.approved": "was approved",
        "execution.rejected": "was rejected",
        "execution.approval_expired": "was not approved in time",
    }
    return NewEvent(
        kind=kind,
        severity="info" if kind == "execution.approved" else "warning",
        message=f"Job '{name}' {words[kind]}",
        job_id=asked.job_id,
        run_id=asked.run_id,
        execution_id=waiting[0].work.execution_id if waiting else None,
        api_key_id=by.key_id if by else None,
        api_key_name=by.name if by else None,
        details=note,
    )

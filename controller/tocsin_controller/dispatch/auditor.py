"""Puts right what agents and leases disagree on: lost answers, orders that wait, executions nobody knows any more."""

import time
from collections.abc import Callable, Sequence
from uuid import UUID

from tocsin_controller.definitions import Definitions
from tocsin_controller.dispatch.assigning import Assigner
from tocsin_controller.dispatch.audit import Findings, compare, is_found, must_stop
from tocsin_controller.dispatch.call import Call
from tocsin_controller.dispatch.per_agent import PerAgentLimit
from tocsin_controller.hints import EVENTS, Hints
from tocsin_controller.store.agents import superseded
from tocsin_controller.store.database import HeldSession
from tocsin_controller.store.doubts import Named
from tocsin_controller.store.ending import start_executions
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.jobs import keep_jobs
from tocsin_controller.store.leasing import (
    Handed,
    Lease,
    execution_states,
    leases_of,
    note_found,
    offer_again,
    requeue,
)
from tocsin_controller.targeting import route_again
from tocsin_controller.workflow.adopting import adopt_named, starts_of
from tocsin_controller.workflow.ending import Ended, Ender
from tocsin_controller.workflow.known_leases import KnownLeases
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.protocol import CancelOrder, PollResponse, StopOrder


class Auditor:
    """Audits calls, with the decisions of `audit.py`."""

    def __init__(
        self,
        hints: Hints,
        definitions: Definitions,
        ender: Ender,
        known: KnownLeases,
        assigner: Assigner,
        per_agent: PerAgentLimit,
        *,
        lease_secs: float,
        on_returned: Callable[[], None],
    ) -> None:
        self._hints = hints
        self._definitions = definitions
        self._ender = ender
        self._known = known
        self._assigner = assigner
        self._per_agent = per_agent
        self._lease_secs = lease_secs
        #: Called when work was put back into the queue.
        self._on_returned = on_returned

    async def audit(self, session: HeldSession, calls: Sequence[Call]) -> list[PollResponse]:
        """Hold what agents say against their leases, all in one question; what each is to be told."""
        began = time.monotonic()
        leases = await leases_of(session, {call.session.id for call in calls})
        findings = _compare_all(calls, leases)
        if await self._adopt(session, calls, findings):
            leases = await leases_of(session, {call.session.id for call in calls})
            findings = _compare_all(calls, leases)
        await self._leave_to_newer(session, calls, findings)
        unleased = {h.execution_id for f in findings for h in f.unleased}
        states = await execution_states(session, unleased) if unleased else {}
        await self._end_of_deleted(session, findings)
        again = [
            (lease, c.incarnation, c.seq)
            for c, f in zip(calls, findings, strict=True)
            if c.slots
            for lease in f.offer_again
        ]
        await self._take_back(
            session,
            [lease for c, f in zip(calls, findings, strict=True) if not c.slots for lease in f.offer_again],
        )
        offered = await offer_again(session, again, self._lease_secs) if again else []
        definitions = await self._definitions.of_works(session, offered)
        if refused := await self._per_agent.refuse(session, offered, definitions):
            offered = [one for one in offered if one.execution_id not in refused]
        assignments = await self._assigner.assignments(session, offered, definitions)
        await self._end_unheard(session, findings)
        await self._note_found(
            session,
            [
                h.execution_id
                for c, f in zip(calls, findings, strict=True)
                for h in f.unleased
                if is_found(h, c.session.id, states.get(h.execution_id))
            ],
        )
        answers: list[PollResponse] = []
        for call, found in zip(calls, findings, strict=True):
            if call.seq is not None:  # a heartbeat says nothing of what it does not name
                call.session.audited_at = time.monotonic()
                call.session.unconfirmed.clear()
            fences = {lease.execution_id: lease.fence for lease in leases[call.session.id]}
            response = PollResponse(
                held_secs=call.held_secs(began),
                executions=[
                    a
                    for o, a in zip(offered, assignments, strict=True)
                    if a is not None and o.agent_id == call.session.id and call.seq is not None
                ],
                cancel=[_cancel_order(lease) for lease in found.cancel],
                stop=[
                    StopOrder(execution_id=h.execution_id, fence=h.fence, why=why)
                    for h in found.unleased
                    if (
                        why := must_stop(
                            h, call.session.id, fences.get(h.execution_id), states.get(h.execution_id)
                        )
                    )
                ],
            )
            call.session.unconfirmed.update(a.execution_id for a in response.executions)
            answers.append(response)
        return answers

    async def _leave_to_newer(
        self, session: HeldSession, calls: Sequence[Call], findings: Sequence[Findings]
    ) -> None:
        """A poll of a process that is gone may still wait here, and says nothing of what its successor has."""
        doubted = [
            (c, f) for c, f in zip(calls, findings, strict=True) if f.rests_on_other_process(c.incarnation)
        ]
        if not doubted:
            return
        # Asked after the leases: whoever has one of them had registered by then.
        for number in await superseded(session, [(c.session.id, c.incarnation) for c, _ in doubted]):
            call, found = doubted[number]
            call.note_superseded()
            found.forget_unheard()

    async def _adopt(
        self, session: HeldSession, calls: Sequence[Call], findings: Sequence[Findings]
    ) -> list[Handed]:
        """Give agents the right to what the lost part of the database handed to them."""
        claims = [
            (Named(h.execution_id, h.fence, c.session.id, c.incarnation, c.seq), c.session.routes)
            for c, found in zip(calls, findings, strict=True)
            for h in found.unleased
        ]
        if not claims:
            return []
        async with session.transaction() as transaction:
            adopted = await adopt_named(transaction, claims, self._lease_secs)
            await start_executions(transaction, starts_of(adopted))
        self._known.learn(adopted)
        return adopted

    async def _end_of_deleted(self, session: HeldSession, findings: Sequence[Findings]) -> None:
        """What no agent has heard of still waits, so it goes with its job: nothing starts after the deletion."""
        waiting = {lease.job_id for found in findings for lease in found.offer_again}
        if not waiting:
            return
        async with session.transaction() as transaction:
            deleted = waiting - await keep_jobs(transaction, waiting)
            gone = ExecutionStatus.CANCELLED, Reason.JOB_DELETED, "the job was deleted before it was started"
            ended = [
                Ended.of_lease(lease, *gone)
                for found in findings
                for lease in found.offer_again
                if lease.job_id in deleted
            ]
            aftermath = await self._ender.end_leased(transaction, ended)
        self._ender.announce(aftermath)
        for found in findings:
            found.offer_again = [lease for lease in found.offer_again if lease.job_id not in deleted]

    async def _take_back(self, session: HeldSession, leases: Sequence[Lease]) -> None:
        """Their agent did not hear of these and takes no more work: somebody else may."""
        definitions = await self._definitions.of_works(session, leases)
        returned: list[tuple[Lease, str, int, float]] = []
        for lease in leases:
            job = definitions[lease.job_id, lease.job_version]
            if isinstance(job, JobDefinition):
                route = route_again(job, lease.agent_id)
                returned.append((lease, route, job.priority, job.queue_timeout_secs))
        await requeue(session, returned)
        if returned:
            self._on_returned()

    async def _note_found(self, session: HeldSession, execution_ids: Sequence[UUID]) -> None:
        """Lost executions go on after all; say so once, until their results replace `lost` (G4)."""
        if not execution_ids:
            return
        message = "its agent is back and still has it; the result will replace this"
        async with session.transaction() as transaction:
            found = await note_found(transaction, execution_ids, message)
            events = [
                NewEvent(
                    kind="execution.found",
                    severity="info",
                    message="A lost execution is still running: its agent is back",
                    job_id=row["job_id"],
                    execution_id=row["id"],
                    agent_id=row["agent_id"],
                )
                for row in found
            ]
            await add_events(transaction, events)
        if found:
            self._hints.hint(EVENTS)

    async def _end_unheard(self, session: HeldSession, findings: Sequence[Findings]) -> None:
        """End what agents do not know any more, and what was cancelled before they heard of it."""
        forgotten = ExecutionStatus.LOST, Reason.AGENT_FORGOT, "the agent no longer knows this execution"
        never_arrived = ExecutionStatus.CANCELLED, Reason.CANCELLED, "cancelled before it was started"
        ended = [
            *(Ended.of_lease(lease, *forgotten) for found in findings for lease in found.forgotten),
            *(Ended.of_lease(lease, *never_arrived) for found in findings for lease in found.never_arrived),
        ]
        if ended:
            async with session.transaction() as transaction:
                aftermath = await self._ender.end_leased(transaction, ended)
            self._ender.announce(aftermath)


def _compare_all(calls: Sequence[Call], leases: dict[UUID, list[Lease]]) -> list[Findings]:
    return [compare(leases[c.session.id], c.held, incarnation=c.incarnation, seq=c.seq) for c in calls]


def _cancel_order(lease: Lease) -> CancelOrder:
    return CancelOrder(execution_id=lease.execution_id, fence=lease.fence)

"""The one loop per controller that hands queued executions to waiting agents, in batches.

A pass: hold what agents say against their leases (orders, lost answers), then take rows from the queue for those
that wait. Answers go out after the commit. With nobody waiting, or no work believed to be there, it costs nothing.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from tocsin_controller.definitions import BrokenDefinition, Definitions, VersionKey
from tocsin_controller.dispatch.aside import ClaimFailed, SetAside
from tocsin_controller.dispatch.audit import Findings, compare, is_found, must_stop
from tocsin_controller.dispatch.lanes import Lanes, Look
from tocsin_controller.dispatch.parking import ParkingLot
from tocsin_controller.dispatch.sessions import AgentSession
from tocsin_controller.hints import EVENTS, QUEUE, Hints
from tocsin_controller.isolation import PASSING
from tocsin_controller.store.database import Database, HeldSession
from tocsin_controller.store.doubts import Named
from tocsin_controller.store.ending import Start, start_executions
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.leasing import (
    Claimed,
    Handed,
    Lane,
    Lease,
    NewWork,
    Seats,
    Taker,
    claim,
    execution_states,
    lane_head,
    leases_of,
    note_found,
    offer_again,
    renew_leases,
    requeue,
    scan_lanes,
)
from tocsin_controller.targeting import route_again
from tocsin_controller.workflow.adopting import adopt_named, starts_of
from tocsin_controller.workflow.ending import Ended, Ender
from tocsin_controller.workflow.known_leases import KnownLeases
from tocsin_controller.workflow.losing import LossPace
from tocsin_shared.errors import Unavailable
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.protocol import Assignment, CancelOrder, Held, Limits, PollResponse, StopOrder

log = structlog.get_logger(__name__)

#: Rows taken in one pass, over all lanes.
BATCH = 200
#: The queue is looked at this often without any hint (±20 %).
SCAN_SECS = 1.0
#: Simple agents can't renew: their lease is the job's timeout plus this, or a day without a timeout.
SIMPLE_MARGIN_SECS = 60.0
SIMPLE_LEASE_SECS = 86_400.0


@dataclass(eq=False, slots=True)
class Call:
    """An agent's poll or heartbeat that waits for an answer. `seq` None means heartbeat, or a simple agent."""

    session: AgentSession
    incarnation: UUID | None
    seq: int | None
    slots: int
    held: Sequence[Held]
    is_native: bool
    answer: asyncio.Future[PollResponse] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    #: Perhaps being given work right now: the answer comes in a moment, whatever the clock says.
    is_claiming: bool = False
    #: The wait ended while it was claiming: without work the answer is empty.
    is_over: bool = False

    def reply(self, response: PollResponse) -> None:
        """Answer, unless somebody did already."""
        if not self.answer.done():
            self.answer.set_result(response)


class Claimer:
    """Matches waiting agents with waiting work."""

    def __init__(
        self,
        db: Database,
        hints: Hints,
        definitions: Definitions,
        ender: Ender,
        known: KnownLeases,
        *,
        pace: LossPace,
    ) -> None:
        self._db = db
        self._hints = hints
        self._definitions = definitions
        self._ender = ender
        self._lease_secs = pace.lease_secs
        self._pace = pace
        self._known = known
        self._lot: ParkingLot[Call] = ParkingLot()
        self._lanes = Lanes()
        self._audits: list[Call] = []
        self._wake = asyncio.Event()
        self._scan_due_at = 0.0
        hints.subscribe(QUEUE, self._on_queue_hint)

    def on_work(self, lanes: dict[Lane, NewWork]) -> None:
        """New rows were committed to the queue, by this controller."""
        for lane, work in lanes.items():
            self._lanes.add(lane, work)
        if lanes:
            if self._lot.serves_any(lane.route for lane in lanes):
                self._wake.set()
            self._hints.hint(QUEUE, here=False)

    def submit(self, call: Call, *, audit: bool) -> None:
        """Take up an agent's call."""
        if audit:
            self._audits.append(call)
            self._wake.set()
        else:
            self._park(call)

    def withdraw(self, call: Call) -> None:
        """The wait is over. A call that is being given work is left to finish."""
        if call.is_claiming:
            call.is_over = True
        else:
            self._lot.leave(call)
            call.reply(PollResponse())

    def look_again(self, call: Call) -> None:
        """Orders may wait for the agent of a parked call."""
        if not call.is_claiming and not call.answer.done():
            self._lot.leave(call)
            self.submit(call, audit=True)

    async def run(self) -> None:
        """Until cancelled. Raises Unavailable when the database goes away; waiting calls stay parked."""
        async with self._db.hold() as session:
            while True:
                await self._wait()
                self._wake.clear()
                await self._pass(session)

    async def _wait(self) -> None:
        """Until there is something to do: a call, new work, or, while somebody waits for it, time for a scan."""
        scan_in_secs = max(self._scan_due_at - time.monotonic(), 0) if len(self._lot) else None
        with suppress(TimeoutError):
            async with asyncio.timeout(scan_in_secs):
                await self._wake.wait()

    def _on_queue_hint(self, _: str | None) -> None:
        """Another controller queued something: look where."""
        self._scan_due_at = 0
        self._wake.set()

    async def _pass(self, session: HeldSession) -> None:
        if self._audits:
            calls, self._audits = [c for c in self._audits if not c.answer.done()], []
            try:
                await self._audit(session, calls)
            except Unavailable:
                self._audits = calls + self._audits
                raise
        if len(self._lot) and time.monotonic() >= self._scan_due_at:
            seen_at = self._lanes.stamp()
            self._lanes.replace(await scan_lanes(session), seen_at=seen_at)
            self._scan_due_at = time.monotonic() + SCAN_SECS * random.uniform(0.8, 1.2)  # noqa: S311
        try:
            while await self._claim(session):
                pass
        except ClaimFailed:
            log.exception("batch_split", what="hand-outs")
            await self._claim_each(session)

    async def _claim_each(self, session: HeldSession) -> None:
        """One row can't be handed out: the others are, one by one, and that one is set aside."""
        aside, went_out = SetAside(self._ender), 0
        for _ in range(BATCH):
            looks, _, _ = self._plan(up_to=1)
            if not looks:
                break
            try:
                went_out += await self._claim(session, up_to=1)
            except ClaimFailed as failed:
                culprit = await lane_head(session, looks[0].lane, looks[0].low)
                if culprit is None:
                    raise
                await aside.add(session, culprit, failed.__cause__ or failed)
        await aside.judge(session, others_went_out=went_out > 0)

    async def _claim(self, session: HeldSession, *, up_to: int = BATCH) -> int:
        """Give work to those that wait; how many executions that were. Raises ClaimFailed when none could be."""
        looks, plan, takers = self._plan(up_to=up_to)
        if not looks:
            return 0
        for call in takers:
            call.is_claiming = True
        try:
            found = await self._take(session, plan, takers)
            self._learn(looks, found)
            given: dict[Call, list[Handed]] = {}
            for row in found:
                if row.handed is not None:
                    given.setdefault(takers[row.taker], []).append(row.handed)
                else:
                    takers[row.taker].session.read_at = float("-inf")  # superseded: to be read again
            for call, works in given.items():
                self._note_epoch(works)
                self._known.learn(works)
                self._lot.leave(call)
            await self._start_simple(session, given)
            await self._answer(session, given)
        except BaseException:
            for call in takers:  # what was handed out all the same is found by the audit of its next poll
                call.session.expect_audit()
            raise
        finally:
            for call in takers:
                call.is_claiming = False
                if call.is_over:
                    self.withdraw(call)
        return len(found)

    async def _take(
        self, session: HeldSession, plan: Sequence[Seats], takers: Sequence[Call]
    ) -> list[Claimed]:
        try:
            return await claim(session, plan, [_taker(call) for call in takers], self._lease_secs)
        except PASSING:
            raise
        except Exception as error:
            raise ClaimFailed from error

    def _plan(self, *, up_to: int = BATCH) -> tuple[list[Look], list[Seats], list[Call]]:
        """Where somebody waiting could find something, and who would get it; at most a batch."""
        looks: list[Look] = []
        plan: list[Seats] = []
        takers: dict[Call, int] = {}
        room, seating = up_to, self._lot.seating()
        for look in self._lanes.looks():
            seats = seating.take(look.lane.route, room if look.count is None else min(room, look.count))
            if seats:
                looks.append(look)
                numbers = [takers.setdefault(call, len(takers)) for call in seats]
                plan.append(Seats(look.lane, look.low, numbers))
                room -= len(seats)
                if not room:
                    break
        return looks, plan, list(takers)

    def _learn(self, looks: Sequence[Look], found: Sequence[Claimed]) -> None:
        """Move each lane's lower bound past what was taken; forget lanes that were emptied."""
        for number, look in enumerate(looks):
            rows = [row for row in found if row.look == number]
            left = [row.position for row in rows if row.handed is None]
            if left:
                self._lanes.took(look, min(left) - 1, len(rows) - len(left))
            elif rows:
                self._lanes.took(look, max(row.position for row in rows), len(rows))
            else:
                self._lanes.drop(look)

    async def _start_simple(self, session: HeldSession, given: dict[Call, list[Handed]]) -> None:
        """For simple agents handing out is the start, and a lease that nobody renews has to last."""
        simple = [work for call, works in given.items() if not call.is_native for work in works]
        if not simple:
            return
        definitions = await self._definitions.get_many(session, [(w.job_id, w.job_version) for w in simple])
        async with session.transaction() as transaction:
            await start_executions(
                transaction, [Start(w.execution_id, w.run_id, w.agent_id, w.fence, 0.0) for w in simple]
            )
            for work in simple:
                held = Held(execution_id=work.execution_id, fence=work.fence)
                lease_secs = _simple_lease_secs(definitions[work.job_id, work.job_version])
                await renew_leases(transaction, [(work.agent_id, held)], lease_secs)

    async def _answer(self, session: HeldSession, given: dict[Call, list[Handed]]) -> None:
        """Send the work out."""
        handed = [work for works in given.values() for work in works]
        assignments = iter(await self._assignments(session, handed))
        for call, works in given.items():
            executions = [a for _ in works if (a := next(assignments)) is not None]
            if call.is_native:
                call.session.unconfirmed.update(a.execution_id for a in executions)
            call.reply(PollResponse(executions=executions))

    async def _assignments(self, session: HeldSession, handed: Sequence[Handed]) -> list[Assignment | None]:
        keys: list[VersionKey] = [(h.job_id, h.job_version) for h in handed]
        definitions = await self._definitions.get_many(session, keys)
        built = [self._assignment_or_why(h, definitions[key]) for h, key in zip(handed, keys, strict=True)]
        ended = [
            Ended(h, ExecutionStatus.FAILED, Reason.INTERNAL, why, agent_id=h.agent_id, fence=h.fence)
            for h, why in zip(handed, built, strict=True)
            if isinstance(why, str)
        ]
        if ended:
            async with session.transaction() as transaction:
                aftermath = await self._ender.end_leased(transaction, ended)
            self._ender.announce(aftermath)
        return [one if isinstance(one, Assignment) else None for one in built]

    def _assignment_or_why(self, work: Handed, job: JobDefinition | BrokenDefinition) -> Assignment | str:
        """What the agent gets, or in one sentence why it can't."""
        if isinstance(job, BrokenDefinition):
            return "the stored definition can't be read by this release"
        try:
            return self._assignment(work, job)
        except ValueError as error:
            log.exception("assignment_failed", execution_id=str(work.execution_id))
            return f"the stored definition can't be handed out: {error}".replace("\0", "")[:500]

    def _assignment(self, work: Handed, job: JobDefinition) -> Assignment:
        return Assignment(
            execution_id=work.execution_id,
            run_id=work.run_id,
            job_id=work.job_id,
            job_name=job.name,
            fence=work.fence,
            attempt_number=work.attempt_number,
            task=job.task,
            run_as=job.run_as,
            timeout_secs=job.timeout_secs,
            kill_grace_secs=job.kill_grace_secs,
            scheduled_for=work.scheduled_for.isoformat().replace("+00:00", "Z")
            if work.scheduled_for
            else None,
            lease_secs=self._lease_secs,
            self_fence_secs=self._pace.self_fence_secs(job),
            limits=Limits.model_validate(job.limits.model_dump()) if job.limits else None,
        )

    async def _audit(self, session: HeldSession, calls: Sequence[Call]) -> None:
        """Hold what agents say against their leases, all in one question; answer with what follows."""
        leases = await leases_of(session, {call.session.id for call in calls})
        findings = _compare_all(calls, leases)
        if await self._adopt(session, calls, findings):
            leases = await leases_of(session, {call.session.id for call in calls})
            findings = _compare_all(calls, leases)
        unleased = {h.execution_id for f in findings for h in f.unleased}
        states = await execution_states(session, unleased) if unleased else {}
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
        self._note_epoch(offered)
        self._known.learn(offered)
        assignments = await self._assignments(session, offered)
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
        for call, found in zip(calls, findings, strict=True):
            call.session.audited_at = time.monotonic()
            call.session.unconfirmed.clear()
            fences = {lease.execution_id: lease.fence for lease in leases[call.session.id]}
            response = PollResponse(
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
            if response.executions or response.cancel or response.stop or call.seq is None:
                call.reply(response)
            else:
                self._park(call)

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

    async def _take_back(self, session: HeldSession, leases: Sequence[Lease]) -> None:
        """Their agent did not hear of these and takes no more work: somebody else may."""
        keys: list[VersionKey] = [(lease.job_id, lease.job_version) for lease in leases]
        definitions = await self._definitions.get_many(session, keys)
        returned: list[tuple[Lease, str, int, float]] = []
        for lease, key in zip(leases, keys, strict=True):
            job = definitions[key]
            if isinstance(job, JobDefinition):
                route = route_again(job, lease.agent_id)
                returned.append((lease, route, job.priority, job.queue_timeout_secs))
        await requeue(session, returned)
        if returned:
            self._scan_due_at = 0

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
        ended = [
            Ended(
                lease,
                ExecutionStatus.LOST,
                Reason.AGENT_FORGOT,
                "the agent no longer knows this execution",
                agent_id=lease.agent_id,
                fence=lease.fence,
            )
            for found in findings
            for lease in found.forgotten
        ]
        ended += [
            Ended(
                lease,
                ExecutionStatus.CANCELLED,
                Reason.CANCELLED,
                "cancelled before it was started",
                agent_id=lease.agent_id,
                fence=lease.fence,
            )
            for found in findings
            for lease in found.never_arrived
        ]
        if ended:
            async with session.transaction() as transaction:
                aftermath = await self._ender.end_leased(transaction, ended)
            self._ender.announce(aftermath)

    def _note_epoch(self, handed: Sequence[Handed]) -> None:
        """Raises StaleDatabase, before anything is answered, when the fences are of an epoch that is over."""
        if handed:
            self._db.epochs.note_fence(handed[0].fence)

    def _park(self, call: Call) -> None:
        if call.answer.done():
            return
        self._lot.park(call, call.session.routes, call.slots)
        is_first = len(self._lot) == 1  # nobody waited, so nothing was scanned for
        if is_first or (call.slots and any(r in call.session.routes for r in self._lanes.routes())):
            self._wake.set()


def _compare_all(calls: Sequence[Call], leases: dict[UUID, list[Lease]]) -> list[Findings]:
    return [compare(leases[c.session.id], c.held, incarnation=c.incarnation, seq=c.seq) for c in calls]


def _taker(call: Call) -> Taker:
    return Taker(call.session.id, call.incarnation, call.seq)


def _cancel_order(lease: Lease) -> CancelOrder:
    return CancelOrder(execution_id=lease.execution_id, fence=lease.fence)


def _simple_lease_secs(job: JobDefinition | BrokenDefinition) -> float:
    if isinstance(job, BrokenDefinition) or job.timeout_secs is None:
        return SIMPLE_LEASE_SECS
    return job.timeout_secs + SIMPLE_MARGIN_SECS

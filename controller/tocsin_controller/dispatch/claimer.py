"""The one loop per controller that hands queued executions to waiting agents, in batches.

A pass: hold what agents say against their leases (orders, lost answers), then take rows from the queue for those
that wait. Answers go out after the commit. With nobody waiting, or no work believed to be there, it costs nothing.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from tocsin_controller.definitions import BrokenDefinition, Definitions, VersionKey
from tocsin_controller.dispatch.audit import Findings, compare, is_found, must_stop
from tocsin_controller.dispatch.lanes import Lanes, Look
from tocsin_controller.dispatch.parking import ParkingLot
from tocsin_controller.dispatch.sessions import AgentSession
from tocsin_controller.hints import EVENTS, QUEUE, Hints
from tocsin_controller.store.database import Database, HeldSession, Session
from tocsin_controller.store.ending import Start, start_executions
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.leasing import (
    Handed,
    HandOut,
    Lane,
    Lease,
    Row,
    execution_states,
    hand_out,
    leases_of,
    lock_candidates,
    note_found,
    offer_again,
    requeue,
    scan_lanes,
)
from tocsin_controller.targeting import route_again
from tocsin_controller.workflow.ending import Ended, Ender
from tocsin_controller.workflow.losing import LossPace
from tocsin_shared.errors import Unavailable
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.protocol import Assignment, CancelOrder, Held, PollResponse, StopOrder

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
    #: Being given work right now: the answer comes in a moment, whatever the clock says.
    is_claiming: bool = False

    def reply(self, response: PollResponse) -> None:
        """Answer, unless somebody did already."""
        if not self.answer.done():
            self.answer.set_result(response)


class Claimer:
    """Matches waiting agents with waiting work."""

    def __init__(
        self, db: Database, hints: Hints, definitions: Definitions, ender: Ender, *, pace: LossPace
    ) -> None:
        self._db = db
        self._hints = hints
        self._definitions = definitions
        self._ender = ender
        self._lease_secs = pace.lease_secs
        self._pace = pace
        self._lot: ParkingLot[Call] = ParkingLot()
        self._lanes = Lanes()
        self._audits: list[Call] = []
        self._wake = asyncio.Event()
        self._scan_due_at = 0.0

    def on_work(self, lanes: dict[Lane, int]) -> None:
        """New rows were committed to the queue, by this controller."""
        for lane, first in lanes.items():
            self._lanes.add(lane, first)
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
        if not call.is_claiming:
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
            with self._hints.watch(QUEUE) as queue_hinted:
                while True:
                    await self._wait(queue_hinted)
                    if queue_hinted.is_set():
                        queue_hinted.clear()
                        self._scan_due_at = 0
                    self._wake.clear()
                    await self._pass(session)

    async def _wait(self, queue_hinted: asyncio.Event) -> None:
        """Until there is something to do: a call, new work, or time for a scan."""
        if self._wake.is_set() or queue_hinted.is_set():
            return
        secs = max(self._scan_due_at - time.monotonic(), 0.001)
        waiters = {asyncio.ensure_future(self._wake.wait()), asyncio.ensure_future(queue_hinted.wait())}
        try:
            await asyncio.wait(waiters, timeout=secs, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter in waiters:
                waiter.cancel()

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
        while looks := self._looks():
            if not await self._claim(session, looks):
                break

    def _looks(self) -> list[tuple[Look, int]]:
        """Where somebody waiting could find something, with how much could be placed; at most a batch."""
        looks: list[tuple[Look, int]] = []
        total = 0
        for look in self._lanes.looks():
            wanted = self._lot.free_slots(look.lane.route, up_to=BATCH - total)
            if wanted:
                looks.append((look, wanted))
                total += wanted
                if total >= BATCH:
                    break
        return looks

    async def _claim(self, session: HeldSession, looks: list[tuple[Look, int]]) -> int:
        """Take rows and answer; how many rows were placed."""
        given: dict[Call, list[Row]] = {}
        handed: list[Handed] = []
        try:
            async with session.transaction() as transaction:
                rows = await lock_candidates(transaction, [(k.lane, k.low, n) for k, n in looks])
                if rows:
                    given = self._lot.assign(rows)
                    for call in given:
                        call.is_claiming = True
                    handed = await self._hand_out(transaction, given)
        except BaseException:
            for call in given:
                call.is_claiming = False
                self._park(call)
            raise
        placed = {row.execution_id for rows_of_call in given.values() for row in rows_of_call}
        self._learn(looks, rows, placed)
        if given:
            await self._answer(session, given, handed)
        return len(placed)

    def _learn(self, looks: list[tuple[Look, int]], rows: Sequence[Row], placed: set[UUID]) -> None:
        """Move each lane's lower bound past what was taken; forget lanes that were emptied."""
        by_lane: dict[Lane, list[Row]] = {}
        for row in rows:
            by_lane.setdefault(Lane(row.route, row.priority), []).append(row)
        for look, wanted in looks:
            seen = by_lane.get(look.lane, [])
            left = [row.position for row in seen if row.execution_id not in placed]
            if left:
                self._lanes.advance(look, min(left) - 1)
            elif len(seen) < wanted:
                self._lanes.drop(look)
            else:
                self._lanes.advance(look, max(row.position for row in seen))

    async def _hand_out(self, session: Session, given: dict[Call, list[Row]]) -> list[Handed]:
        simple = [row for call, rows in given.items() if not call.is_native for row in rows]
        definitions = await self._definitions.get_many(session, [(r.job_id, r.job_version) for r in simple])
        hand_outs: list[HandOut] = []
        for call, rows in given.items():
            for row in rows:
                lease_secs = self._lease_secs
                if not call.is_native:
                    lease_secs = _simple_lease_secs(definitions[row.job_id, row.job_version])
                hand_outs.append(
                    HandOut(row.execution_id, call.session.id, call.incarnation, call.seq, lease_secs)
                )
        handed = await hand_out(session, hand_outs)
        self._note_epoch(handed)
        simple_ids = {row.execution_id for row in simple}
        await start_executions(
            session,
            [
                Start(h.execution_id, h.run_id, h.agent_id, h.fence, 0.0)
                for h in handed
                if h.execution_id in simple_ids
            ],
        )
        return handed

    async def _answer(self, session: HeldSession, given: dict[Call, list[Row]], handed: list[Handed]) -> None:
        """Send the work out. Calls that got nothing after all (superseded agents) are sent away empty."""
        assignments = await self._assignments(session, handed)
        by_agent: dict[UUID, list[Assignment]] = {}
        for work, assignment in zip(handed, assignments, strict=True):
            if assignment is not None:
                by_agent.setdefault(work.agent_id, []).append(assignment)
        for call in given:
            work_of_call = by_agent.get(call.session.id, [])
            if not work_of_call:
                call.session.read_at = float("-inf")
            call.session.unconfirmed.update(a.execution_id for a in work_of_call if call.is_native)
            call.is_claiming = False
            call.reply(PollResponse(executions=work_of_call))

    async def _assignments(self, session: HeldSession, handed: Sequence[Handed]) -> list[Assignment | None]:
        keys: list[VersionKey] = [(h.job_id, h.job_version) for h in handed]
        definitions = await self._definitions.get_many(session, keys)
        broken = [
            h for h, key in zip(handed, keys, strict=True) if isinstance(definitions[key], BrokenDefinition)
        ]
        if broken:
            message = "the stored definition can't be read by this release"
            ended = [
                Ended(h, ExecutionStatus.FAILED, Reason.INTERNAL, message, agent_id=h.agent_id, fence=h.fence)
                for h in broken
            ]
            async with session.transaction() as transaction:
                aftermath = await self._ender.end_leased(transaction, ended)
            self._ender.announce(aftermath)
        return [self._assignment(h, definitions[key]) for h, key in zip(handed, keys, strict=True)]

    def _assignment(self, work: Handed, job: JobDefinition | BrokenDefinition) -> Assignment | None:
        if isinstance(job, BrokenDefinition):
            return None
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
        )

    async def _audit(self, session: HeldSession, calls: Sequence[Call]) -> None:
        """Hold what agents say against their leases, all in one question; answer with what follows."""
        leases = await leases_of(session, {call.session.id for call in calls})
        findings = [
            compare(leases[c.session.id], c.held, incarnation=c.incarnation, seq=c.seq) for c in calls
        ]
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
        if call.slots and any(route in call.session.routes for route in self._lanes.routes()):
            self._wake.set()


def _cancel_order(lease: Lease) -> CancelOrder:
    return CancelOrder(execution_id=lease.execution_id, fence=lease.fence)


def _simple_lease_secs(job: JobDefinition | BrokenDefinition) -> float:
    if isinstance(job, BrokenDefinition) or job.timeout_secs is None:
        return SIMPLE_LEASE_SECS
    return job.timeout_secs + SIMPLE_MARGIN_SECS

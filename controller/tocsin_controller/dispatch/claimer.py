"""The one loop per controller that hands queued executions to waiting agents, in batches.

A pass: hold what agents say against their leases (orders, lost answers), then take rows from the queue for those
that wait. Answers go out after the commit. With nobody waiting, or no work believed to be there, it costs nothing.
"""

import asyncio
import time
from collections.abc import Sequence

from tocsin_controller.definitions import BrokenDefinition, Definitions, Read
from tocsin_controller.dispatch.aside import ClaimFailed, SetAside
from tocsin_controller.dispatch.assigning import Assigner
from tocsin_controller.dispatch.auditor import Auditor
from tocsin_controller.dispatch.call import Call
from tocsin_controller.dispatch.connecting import Connector
from tocsin_controller.dispatch.lanes import Lanes, Look
from tocsin_controller.dispatch.parking import ParkingLot
from tocsin_controller.dispatch.per_agent import PerAgentLimit
from tocsin_controller.dispatch.substituting import Substituter
from tocsin_controller.hints import QUEUE, Hints, woken_within
from tocsin_controller.isolation import PASSING
from tocsin_controller.jitter import jittered
from tocsin_controller.store.database import Database, HeldSession
from tocsin_controller.store.ending import Start, start_executions
from tocsin_controller.store.leasing import (
    Claimed,
    Handed,
    Lane,
    NewWork,
    Seats,
    Taker,
    claim,
    lane_head,
    renew_leases,
    scan_lanes,
)
from tocsin_controller.targeting import is_by_expression
from tocsin_controller.workflow.ending import Ender
from tocsin_controller.workflow.known_leases import KnownLeases
from tocsin_controller.workflow.losing import LossPace
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.logs import log
from tocsin_shared.protocol import Held, PollResponse

#: Rows taken in one pass, over all lanes.
BATCH = 200
#: The queue is looked at this often without any hint (±20 %).
SCAN_SECS = 1.0
#: Simple agents can't renew: their lease is the job's timeout plus this, or a day without a timeout.
SIMPLE_MARGIN_SECS = 60.0
SIMPLE_LEASE_SECS = 86_400.0


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
        substituter: Substituter,
        connector: Connector,
    ) -> None:
        self._db = db
        self._hints = hints
        self._definitions = definitions
        self._ender = ender
        self._lease_secs = pace.lease_secs
        self._per_agent = PerAgentLimit()
        self._assigner = Assigner(db, ender, known, pace, substituter, connector)
        self._auditor = Auditor(
            hints,
            definitions,
            ender,
            known,
            self._assigner,
            self._per_agent,
            lease_secs=pace.lease_secs,
            on_returned=self._scan_soon,
        )
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
            if is_by_expression(lane.route):
                self._lot.learn(lane.route)
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
        await woken_within(self._wake, scan_in_secs)

    def _on_queue_hint(self, _: str | None) -> None:
        """Another controller queued something: look where."""
        self._scan_soon()
        self._wake.set()

    def _scan_soon(self) -> None:
        self._scan_due_at = 0

    async def _pass(self, session: HeldSession) -> None:
        if self._audits:
            calls, self._audits = [c for c in self._audits if not c.answer.done()], []
            try:
                answers = await self._auditor.audit(session, calls)
            except PASSING:
                self._audits = calls + self._audits
                raise
            for call, answer in zip(calls, answers, strict=True):
                if _is_said(call, answer):
                    call.reply(answer)
                else:
                    self._park(call)
        if len(self._lot) and time.monotonic() >= self._scan_due_at:
            seen_at = self._lanes.stamp()
            self._lanes.replace(await scan_lanes(session), seen_at=seen_at)
            self._learn_expressions()
            self._scan_due_at = time.monotonic() + jittered(SCAN_SECS)
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
        began = time.monotonic()
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
                    takers[row.taker].note_superseded()
            self._send_away([call for call in takers if call.is_superseded])
            for call in given:
                self._lot.leave(call)
            # Read once: what was handed out is looked at by everything that follows.
            definitions = await self._definitions.of_works(session, _all_of(given))
            given = await self._within_limits(session, given, definitions)
            await self._start_simple(session, given, definitions)
            await self._answer(session, given, definitions, began)
        except BaseException:
            for call in takers:  # what was handed out all the same is found by the audit of its next poll
                call.session.expect_audit()
                self._park(call)
            raise
        finally:
            for call in takers:
                call.is_claiming = False
                if call.is_over:
                    self.withdraw(call)
        return len(found)

    async def _within_limits(
        self, session: HeldSession, given: dict[Call, list[Handed]], definitions: Read
    ) -> dict[Call, list[Handed]]:
        """Without what is too much for its agent; who is left with nothing waits on."""
        refused = await self._per_agent.refuse(session, _all_of(given), definitions)
        if not refused:
            return given
        kept = {
            call: [work for work in works if work.execution_id not in refused]
            for call, works in given.items()
        }
        for call, works in kept.items():
            if not works:
                self._park(call)
        return {call: works for call, works in kept.items() if works}

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

    def _learn_expressions(self) -> None:
        """What the queue holds says which expressions matter: no list of them is kept anywhere else."""
        routes = {route for route in self._lanes.routes() if is_by_expression(route)}
        self._lot.unlearn_all_but(routes)
        for route in routes:
            self._lot.learn(route)

    def _learn(self, looks: Sequence[Look], found: Sequence[Claimed]) -> None:
        """Move each lane's lower bound past what was taken; forget lanes that were emptied."""
        found_by_look: list[list[Claimed]] = [[] for _ in looks]
        for row in found:
            found_by_look[row.look].append(row)
        for look, rows in zip(looks, found_by_look, strict=True):
            left = [row.position for row in rows if row.handed is None]
            if left:
                self._lanes.took(look, min(left) - 1, len(rows) - len(left))
            elif rows:
                self._lanes.took(look, max(row.position for row in rows), len(rows))
            else:
                self._lanes.drop(look)

    async def _start_simple(
        self, session: HeldSession, given: dict[Call, list[Handed]], definitions: Read
    ) -> None:
        """For simple agents handing out is the start, and a lease that nobody renews has to last."""
        simple = [work for call, works in given.items() if not call.is_native for work in works]
        if not simple:
            return
        async with session.transaction() as transaction:
            await start_executions(
                transaction, [Start(w.execution_id, w.run_id, w.agent_id, w.fence, 0.0) for w in simple]
            )
            for work in simple:
                held = Held(execution_id=work.execution_id, fence=work.fence)
                lease_secs = _simple_lease_secs(definitions[work.job_id, work.job_version])
                await renew_leases(transaction, [(work.agent_id, held)], lease_secs)

    async def _answer(
        self, session: HeldSession, given: dict[Call, list[Handed]], definitions: Read, began: float
    ) -> None:
        """Send the work out that was taken from then on."""
        assignments = iter(await self._assigner.assignments(session, _all_of(given), definitions))
        for call, works in given.items():
            executions = [a for _ in works if (a := next(assignments)) is not None]
            if call.is_native:
                call.session.unconfirmed.update(a.execution_id for a in executions)
            call.reply(PollResponse(held_secs=call.held_secs(began), executions=executions))

    def _send_away(self, superseded: Sequence[Call]) -> None:
        """They would be found for the same work again and again."""
        for call in superseded:
            self._lot.leave(call)
            call.reply(PollResponse())

    def _park(self, call: Call) -> None:
        if call.answer.done():
            return
        self._lot.park(call, call.session.routes, call.slots)
        is_first = len(self._lot) == 1  # nobody waited, so nothing was scanned for
        if is_first or (call.slots and any(r in call.session.routes for r in self._lanes.routes())):
            self._wake.set()


def _is_said(call: Call, answer: PollResponse) -> bool:
    """Whether an audit's answer goes out at once; otherwise the call waits for work."""
    has_orders = answer.executions or answer.cancel or answer.stop
    return bool(has_orders) or call.seq is None or call.is_superseded


def _all_of(given: dict[Call, list[Handed]]) -> list[Handed]:
    return [work for works in given.values() for work in works]


def _taker(call: Call) -> Taker:
    return Taker(call.session.id, call.incarnation, call.seq)


def _simple_lease_secs(job: JobDefinition | BrokenDefinition) -> float:
    if isinstance(job, BrokenDefinition) or job.timeout_secs is None:
        return SIMPLE_LEASE_SECS
    return job.timeout_secs + SIMPLE_MARGIN_SECS

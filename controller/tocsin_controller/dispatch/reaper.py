"""Notices what did not happen: agents gone silent, leases not renewed, executions nobody took."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from tocsin_controller.definitions import Definitions, VersionKey
from tocsin_controller.dispatch.brake import BrakePace, Sweep, decide
from tocsin_controller.hints import EVENTS, OUTBOX, Hints
from tocsin_controller.isolation import write_apart
from tocsin_controller.jitter import jittered
from tocsin_controller.store.agents import take_silent
from tocsin_controller.store.brake import lock_brake, prolong_waiting, set_brake
from tocsin_controller.store.database import Database, HeldSession
from tocsin_controller.store.doubts import Uncertain, uncertain_jobs, unclaimed_uncertain
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.leasing import (
    LEASE_PAGE,
    QUEUE_PAGE,
    Lease,
    Work,
    expired_leases,
    expired_queue,
    lock_leases,
)
from tocsin_controller.workflow.ending import Ended, Ender, log_stuck
from tocsin_controller.workflow.losing import LossPace
from tocsin_controller.workflow.notifying.noticing import note, offline_notices
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.logs import log


@dataclass(frozen=True, slots=True)
class ReaperPace:
    """How often the reaper looks, and how patient it is."""

    every_secs: float = 1.0
    loss: LossPace = field(default_factory=LossPace)
    brake: BrakePace = field(default_factory=BrakePace)


class Reaper:
    """Ends what will not end by itself."""

    def __init__(
        self, db: Database, hints: Hints, definitions: Definitions, ender: Ender, pace: ReaperPace
    ) -> None:
        self._db = db
        self._hints = hints
        self._definitions = definitions
        self._ender = ender
        self._pace = pace

    async def run(self) -> None:
        """Until cancelled. Raises Unavailable when the database goes away."""
        async with self._db.hold() as session:
            while True:
                await self.sweep(session)
                await asyncio.sleep(jittered(self._pace.every_secs))

    async def sweep(self, session: HeldSession) -> None:
        """One look at everything. While another controller looks, this one leaves it to that one."""
        seen = await self._look_at_fleet(session)
        if seen is None:
            return
        await self.fail_unclaimed(session)
        if seen.may_mark_silent:
            await self.mark_silent(session)
        if seen.may_lose:
            await self.declare_lost(session)
            await self.give_up_uncertain(session)

    async def _look_at_fleet(self, session: HeldSession) -> Sweep | None:
        """Put the brake on or off; said once, whichever controller notices."""
        async with session.transaction() as transaction:
            facts = await lock_brake(transaction, window_secs=self._pace.brake.lease_secs)
            if facts is None:
                return None
            self._db.epochs.note(facts.epoch)
            seen = decide(facts, self._pace.brake)
            await set_brake(transaction, seen.state)
            if seen.is_back:
                await prolong_waiting(transaction, self._pace.brake.lease_secs)
            events = _brake_events(seen, self._pace.brake)
            await add_events(transaction, events)
        for event in events:
            log.warning("brake", message=event.message, details=event.details)
            self._hints.hint(EVENTS)
        return seen

    async def fail_unclaimed(self, session: HeldSession) -> None:
        """Executions that no eligible agent took within `queue_timeout_secs` fail with reason no_agent."""
        page = QUEUE_PAGE
        while page == QUEUE_PAGE:
            expired = await expired_queue(session)
            count = await self._ender.end_waiting(session, [_untaken(*one) for one in expired])
            if count:
                log.warning("executions_without_agent", count=count)
            page = len(expired) if count else 0  # those that can't be ended would come again

    async def mark_silent(self, session: HeldSession) -> None:
        """Agents whose lease ran out are offline; said once."""
        async with session.transaction() as transaction:
            silent = await take_silent(transaction)
            told = [(agent_id, name) for agent_id, name, agent_type in silent if agent_type != "local"]
            events = [
                NewEvent("agent.offline", "error", f"Agent '{name}' is offline", agent_id=agent_id)
                for agent_id, name in told
            ]
            await add_events(transaction, events)
            await note(transaction, offline_notices([name for _, name in told]))
        for agent_id, name, _ in silent:
            log.warning("agent_offline", agent_id=str(agent_id), agent=name)
        if silent:
            self._hints.hint(EVENTS)
            self._hints.hint(OUTBOX, everywhere=False)

    async def declare_lost(self, session: HeldSession) -> None:
        """Executions whose agent was silent for the job's `lost_after_secs` are lost (G3)."""
        last, page = UUID(int=0), LEASE_PAGE
        while page == LEASE_PAGE:  # most may belong to jobs that are more patient than others
            leases = await expired_leases(session, last)
            await self._declare_lost(session, leases)
            page = len(leases)
            last = leases[-1].execution_id if leases else last

    async def _declare_lost(self, session: HeldSession, leases: Sequence[Lease]) -> None:
        keys: list[VersionKey] = [(lease.job_id, lease.job_version) for lease in leases]
        definitions = await self._definitions.get_many(session, keys)
        lost: list[Ended] = []
        for lease, key in zip(leases, keys, strict=True):
            patience = self._pace.loss.patience_secs(definitions[key])
            if self._pace.loss.lease_secs + lease.overdue_secs >= patience:
                lost.append(_lost(lease, patience))
        await write_apart(lost, partial(self._end_lost, session), log_stuck)

    async def give_up_uncertain(self, session: HeldSession) -> None:
        """What a lost part of the database may have handed out is lost when no agent comes back with it in time.

        In time: within the job's `lost_after_secs`, as for a silent agent, and a copy kills itself by then when another
        is to run (G3).
        """
        keys = await uncertain_jobs(session)
        if not keys:
            return
        definitions = await self._definitions.get_many(session, keys)
        patience = {key: self._pace.loss.patience_secs(definitions[key]) for key in keys}
        lost = [_uncertain(work) for work in await unclaimed_uncertain(session, patience)]
        if count := await self._ender.end_waiting(session, lost):
            log.warning("uncertain_executions_lost", count=count)

    async def _end_lost(self, session: HeldSession, lost: Sequence[Ended]) -> None:
        async with session.transaction() as transaction:
            leases = await lock_leases(transaction, [e.work.execution_id for e in lost])
            # Their agents may have come back since somebody looked.
            silent = {execution_id for execution_id, lease in leases.items() if lease.overdue_secs > 0}
            still_lost = [e for e in lost if e.work.execution_id in silent]
            aftermath = await self._ender.end_leased(transaction, still_lost)
        self._ender.announce(aftermath)
        if aftermath.execution_ids:
            log.warning("executions_lost", count=len(aftermath.execution_ids))


def _uncertain(work: Uncertain) -> Ended:
    message = "it may have run in the part of the database that was lost; no agent came back with it"
    return Ended(
        work,
        ExecutionStatus.LOST,
        Reason.EPOCH_CHANGED,
        message,
        fence=work.fence,
        may_run_on=work.may_run_on,
    )


def _untaken(work: Work, route: str) -> Ended:
    message = f"no eligible agent took it in time (wanted: {route})"
    return Ended(work, ExecutionStatus.FAILED, Reason.NO_AGENT, message)


def _brake_events(seen: Sweep, pace: BrakePace) -> list[NewEvent]:
    events: list[NewEvent] = []
    if seen.ended is not None:
        events.append(
            NewEvent(
                kind="fleet.brake_released",
                severity="info",
                message="Executions of silent agents are declared lost again",
                details=seen.ended,
            )
        )
    if seen.began is not None:
        events.append(
            NewEvent(
                kind="fleet.mass_unreachable",
                severity="error",
                message=f"Nothing is declared lost for {pace.grace_secs:g} s: {seen.began}",
            )
        )
    return events


def _lost(lease: Lease, patience: float) -> Ended:
    message = f"the agent was silent for more than {patience:g} s; whether it ended is not known"
    may_run_on = lease.seq is None
    return Ended.of_lease(lease, ExecutionStatus.LOST, Reason.AGENT_LOST, message, may_run_on=may_run_on)

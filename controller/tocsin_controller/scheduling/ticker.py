"""The loop that fires what is due. Every controller runs the same one.

It reads a little ahead and decides before the instant comes, so that at the instant only one statement is left to do.
That statement moves a timer only if it still stands as it was seen: of several controllers one fires it (G1), and no
lock outlives a statement, whatever becomes of a controller. One that keeps coming second steps back a little.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import takewhile
from uuid import UUID

from tocsin_controller.definitions import BrokenDefinition, Definitions
from tocsin_controller.hints import EVENTS, TIMERS, Hints, woken_within
from tocsin_controller.isolation import BAD_DATA, PASSING
from tocsin_controller.jitter import jittered
from tocsin_controller.scheduling.deciding import Decision, decide, depends_on_the_moment, is_after_finish
from tocsin_controller.scheduling.named_calendars import load_calendars, names_used
from tocsin_controller.scheduling.timing import timing_of
from tocsin_controller.store.database import Database, HeldSession
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.launching import (
    PlannedRun,
    Timer,
    coming_timers,
    count_open_runs,
    last_ends,
    promote_delayed,
    quarantine_job,
    secs_to_next_wake,
)
from tocsin_controller.store.leasing import Lane, NewWork
from tocsin_controller.workflow.dependencies import missing_dependencies
from tocsin_controller.workflow.launch import Announce, agents_for, has_gated, launch, launch_gated
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.logs import log
from tocsin_shared.wire import storable

#: Even without a hint the ticker looks this often (±20 %).
POLL_SECS = 1.0
#: Timers due within this time are decided ahead. Shorter than any schedule's distance between two instants.
AHEAD_SECS = 0.25
#: What was decided ahead is decided anew when it could not be fired in time: it may have been missed by now.
LATE_SECS = 1.0
#: Between so many decisions the event loop gets a turn: agents wait for answers meanwhile.
DECIDED_AT_A_TIME = 50
#: How long a controller that came second leaves due timers to the others.
PATIENCE_SECS = 0.05


class Ticker:
    """Fires due jobs in batches, then sleeps until the next one is near."""

    def __init__(
        self,
        db: Database,
        hints: Hints,
        definitions: Definitions,
        on_work: Callable[[dict[Lane, NewWork]], None],
        announce: Announce,
    ) -> None:
        self._db = db
        self._hints = hints
        self._definitions = definitions
        self._on_work = on_work
        self._announce = announce
        self._is_second = False

    async def run(self) -> None:
        """Until cancelled. Raises Unavailable when the database goes away; the supervisor starts it again."""
        async with self._db.hold() as session:
            with self._hints.watch(TIMERS) as woken:
                while True:
                    woken.clear()
                    await self._round(session, woken)

    async def _round(self, session: HeldSession, woken: asyncio.Event) -> None:
        """Fire what is due and what soon will be; or sleep, when there is nothing near."""
        timer_secs, retry_secs = await secs_to_next_wake(session)
        has_more = False
        if retry_secs is not None and retry_secs <= 0:
            lanes, has_more = await promote_delayed(session)
            self._on_work(lanes)
            retry_secs = None
        ahead_secs = 0.0 if self._is_second else AHEAD_SECS
        away_secs = POLL_SECS if timer_secs is None else timer_secs - ahead_secs
        if self._is_second:
            away_secs += PATIENCE_SECS
        if away_secs > 0:
            if has_more:  # much may have waited for the same instant
                return
            longest = jittered(POLL_SECS)
            await woken_within(woken, min(longest, away_secs + ahead_secs / 2, retry_secs or longest))
            return
        if has_more:
            ahead_secs = 0.0
        elif retry_secs is not None:
            ahead_secs = min(ahead_secs, retry_secs)
        timers = await coming_timers(session, ahead_secs)
        read_at = time.monotonic()
        agenda, undecided = await self._decide(session, timers)
        await self._follow(session, agenda, read_at, woken)
        if undecided is not None and not woken.is_set():
            await woken_within(woken, max(_secs_until(undecided, read_at), 0))

    async def _follow(
        self, session: HeldSession, agenda: Sequence[Decision], read_at: float, woken: asyncio.Event
    ) -> None:
        """Fire each decision at its instant. Ends early when the agenda may have changed."""
        position = 0
        while position < len(agenda) and not (position and woken.is_set()):
            first = agenda[position].timer
            wait_secs = _secs_until(first, read_at)
            if wait_secs > 0:
                await woken_within(woken, wait_secs)
                if woken.is_set():
                    return
                continue
            if wait_secs < -LATE_SECS and first.next_fire_at > first.now:
                return
            due = list(takewhile(lambda d: _secs_until(d.timer, read_at) <= 0, agenda[position:]))
            await self._fire(session, due)
            position += len(due)

    async def _fire(self, session: HeldSession, decisions: Sequence[Decision]) -> None:
        """Write what was decided, all in one statement; if one of them can't be written, each by itself."""
        try:
            await self._write(session, decisions)
        except PASSING:
            raise
        except Exception as error:
            if len(decisions) == 1 and not isinstance(error, BAD_DATA):
                raise
            log.exception("batch_split", what="timers", size=len(decisions))
            await self._fire_each(session, decisions)

    async def _fire_each(self, session: HeldSession, decisions: Sequence[Decision]) -> None:
        """Put jobs in quarantine that alone can't be fired, unless that is so for all: then it is not their fault."""
        failed: list[tuple[UUID, Exception]] = []
        for decision in decisions:
            try:
                await self._write(session, [decision])
            except PASSING:
                raise
            except Exception as error:  # noqa: BLE001  told below
                failed.append((decision.timer.job_id, error))
        bad = [one for one in failed if len(failed) < len(decisions) or isinstance(one[1], BAD_DATA)]
        for job_id, why in bad:
            log.error("job_quarantined", job_id=str(job_id), exc_info=why)
            await self._quarantine(session, job_id, f"{type(why).__name__}: {why}")
        if len(bad) < len(failed):
            raise failed[0][1]

    async def _write(self, session: HeldSession, decisions: Sequence[Decision]) -> None:
        """What has gates needs a transaction; nothing else has to wait for it."""
        gated = [decision for decision in decisions if has_gated(decision.runs)]
        plain = [decision for decision in decisions if decision not in gated] if gated else decisions
        fired = 0
        if plain:
            launched = await launch(session, *_to_write(plain))
            fired += launched.timers
            self._announce(launched)
        if gated:
            async with session.transaction() as transaction:
                launched = await launch_gated(transaction, *_to_write(gated))
            fired += launched.timers
            self._announce(launched)
            self._hints.hint(EVENTS)
        self._is_second = fired == 0

    async def _decide(
        self, session: HeldSession, timers: Sequence[Timer]
    ) -> tuple[list[Decision], Timer | None]:
        """What becomes of these timers, up to the first that can't be decided before it is due; and which that is."""
        definitions = await self._definitions.get_many(session, [(t.job_id, t.job_version) for t in timers])
        due: list[tuple[Timer, JobDefinition]] = []
        undecided: Timer | None = None
        for timer in timers:
            job = definitions[timer.job_id, timer.job_version]
            if isinstance(job, BrokenDefinition):
                await self._quarantine(session, timer.job_id, job.why)
                continue
            if timer.next_fire_at > timer.now and depends_on_the_moment(job):
                undecided = timer
                break
            due.append((timer, job))
        agents = await agents_for(session, [job for _, job in due])
        after_finish = [timer.job_id for timer, job in due if is_after_finish(job)]
        open_runs = await count_open_runs(session, after_finish) if after_finish else {}
        # Asked after the open ones, so that a run that ends in between is known either way.
        ends = await last_ends(session, after_finish) if after_finish else {}
        missing = await missing_dependencies(session, [timer.job_id for timer, job in due if job.depends_on])
        # As they are now: these jobs are decided when they are due, and not before.
        calendars = await load_calendars(session, {name for _, job in due for name in names_used(job)})
        decisions: list[Decision] = []
        for number, (timer, job) in enumerate(due):
            if number % DECIDED_AT_A_TIME == DECIDED_AT_A_TIME - 1:
                await asyncio.sleep(0)
            try:
                timing = timing_of(job, timer.anchor, calendars)
                running = open_runs.get(timer.job_id, 0)
                decided = decide(
                    timer,
                    job,
                    timing,
                    agents=agents,
                    open_runs=running,
                    last_end=ends.get(timer.job_id),
                    missing=missing.get(timer.job_id),
                    calendars=calendars,
                )
                decisions.append(decided)
            except Exception as error:  # one bad schedule must not stop the others
                log.exception("job_quarantined", job_id=str(timer.job_id))
                await self._quarantine(session, timer.job_id, f"{type(error).__name__}: {error}")
        return decisions, undecided

    async def _quarantine(self, session: HeldSession, job_id: UUID, why: str) -> None:
        why = storable(why)[:500]
        event = NewEvent(
            kind="job.quarantined",
            severity="error",
            message=f"Job {job_id} can't be scheduled any more: {why}",
            job_id=job_id,
        )
        async with session.transaction() as transaction:
            await quarantine_job(transaction, job_id, why)
            await add_events(transaction, [event])


def _to_write(decisions: Sequence[Decision]) -> tuple[list[PlannedRun], list[tuple[Timer, datetime | None]]]:
    runs = [run for decision in decisions for run in decision.runs]
    return runs, [(d.timer, d.next_fire_at) for d in decisions]


def _secs_until(timer: Timer, read_at: float) -> float:
    """Until a timer is due by the database's clock (G8), which is only counted on here since it was read."""
    return (timer.next_fire_at - timer.now).total_seconds() - (time.monotonic() - read_at)

"""The loop that fires what is due. Every controller runs the same one; SKIP LOCKED shares the work."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from tocsin_controller.definitions import BrokenDefinition, Definitions, VersionKey
from tocsin_controller.hints import TIMERS, Hints
from tocsin_controller.scheduling import catchup
from tocsin_controller.scheduling.timing import Timing
from tocsin_controller.store.agents import AgentFacts
from tocsin_controller.store.database import Database, HeldSession, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.launching import (
    DUE_BATCH,
    DueTimer,
    PlannedRun,
    count_open_runs,
    end_timers,
    lock_due_timers,
    move_timers,
    promote_delayed,
    secs_to_next_wake,
)
from tocsin_controller.store.leasing import Lane
from tocsin_controller.workflow.launch import agents_for, launch, plan_run, plan_skip
from tocsin_shared.executions import Reason
from tocsin_shared.jobs import JobDefinition

log = structlog.get_logger(__name__)

TRIGGER: dict[str, Any] = {"type": "scheduler"}

#: Even without a hint the ticker looks this often (±20 %).
POLL_SECS = 1.0


@dataclass(slots=True)
class Decisions:
    """What one pass will write."""

    runs: list[PlannedRun] = field(default_factory=list)
    moves: list[tuple[UUID, datetime]] = field(default_factory=list)
    ended: list[UUID] = field(default_factory=list)
    broken: list[tuple[UUID, str]] = field(default_factory=list)


class Ticker:
    """Fires due jobs in batches, then sleeps until the next one is due."""

    def __init__(
        self,
        db: Database,
        hints: Hints,
        definitions: Definitions,
        on_work: Callable[[dict[Lane, int]], None],
    ) -> None:
        self._db = db
        self._hints = hints
        self._definitions = definitions
        self._on_work = on_work

    async def run(self) -> None:
        """Until cancelled. Raises Unavailable when the database goes away; the supervisor starts it again."""
        async with self._db.hold() as session:
            with self._hints.watch(TIMERS) as woken:
                while True:
                    woken.clear()
                    if await self.tick(session) < DUE_BATCH:
                        await self._sleep(session, woken)

    async def tick(self, session: HeldSession) -> int:
        """Fire one batch of what is due; how many timers that were."""
        async with session.transaction() as transaction:
            timers = await lock_due_timers(transaction)
            if not timers:
                return 0
            decisions = await self._decide(transaction, timers)
            launched = await launch(transaction, decisions.runs)
            await move_timers(transaction, decisions.moves)
            await end_timers(transaction, decisions.ended)
            await self._quarantine(transaction, decisions.broken)
        self._on_work(launched.lanes)
        return len(timers)

    async def _decide(self, session: Session, timers: Sequence[DueTimer]) -> Decisions:
        keys: list[VersionKey] = [(timer.job_id, timer.job_version) for timer in timers]
        definitions = await self._definitions.get_many(session, keys)
        jobs = [job for job in definitions.values() if isinstance(job, JobDefinition)]
        agents = await agents_for(session, jobs)
        limited = [
            timer.job_id
            for timer, key in zip(timers, keys, strict=True)
            if isinstance(job := definitions[key], JobDefinition) and job.max_concurrent
        ]
        open_runs = await count_open_runs(session, limited) if limited else {}
        decisions = Decisions()
        for timer, key in zip(timers, keys, strict=True):
            job = definitions[key]
            if isinstance(job, BrokenDefinition):
                decisions.broken.append((timer.job_id, job.why))
                continue
            try:
                decide(timer, job, agents, open_runs.get(timer.job_id, 0), decisions)
            except Exception as error:  # one bad schedule must not stop the others
                log.exception("job_quarantined", job_id=str(timer.job_id))
                decisions.broken.append((timer.job_id, f"{type(error).__name__}: {error}"))
        return decisions

    async def _quarantine(self, session: Session, broken: Sequence[tuple[UUID, str]]) -> None:
        if not broken:
            return
        await end_timers(session, [job_id for job_id, _ in broken])
        await add_events(
            session,
            [
                NewEvent(
                    kind="job.quarantined",
                    severity="error",
                    message=f"Job {job_id} can't be scheduled any more: {why[:500]}",
                    job_id=job_id,
                )
                for job_id, why in broken
            ],
        )

    async def _sleep(self, session: HeldSession, woken: asyncio.Event) -> None:
        longest = POLL_SECS * random.uniform(0.8, 1.2)  # noqa: S311  jitter is not a secret
        timer_secs, retry_secs = await secs_to_next_wake(session)
        if retry_secs is not None and retry_secs <= 0:
            self._on_work(await promote_delayed(session))
            return
        wait = min([longest, *(max(secs, 0) for secs in (timer_secs, retry_secs) if secs is not None)])
        if wait == 0:
            return
        try:
            async with asyncio.timeout(wait):
                await woken.wait()
        except TimeoutError:
            pass


def decide(
    timer: DueTimer, job: JobDefinition, agents: Sequence[AgentFacts], open_runs: int, decisions: Decisions
) -> None:
    """What becomes of one due timer. Pure, but for adding to `decisions`."""
    timing = Timing.of(
        job.schedule,
        created_at=timer.anchor,
        timezone=job.timezone,
        dst=job.dst,
        starts_at=job.starts_at,
        expires_at=job.expires_at,
    )
    plan = catchup.plan(timing, timer.next_fire_at, timer.now, job.catchup, job.catchup_window_secs)
    runs: list[PlannedRun] = []
    for instant in plan.missed:
        message = "no controller fired it in time"
        runs.append(plan_skip(timer.job_id, timer.job_version, instant, TRIGGER, Reason.MISSED, message))
    if plan.missed_more and plan.missed:
        first = plan.missed[0]
        message = f"no controller fired it in time, nor {plan.missed_more} earlier occurrences"
        runs[0] = plan_skip(timer.job_id, timer.job_version, first, TRIGGER, Reason.MISSED, message)
    for instant in plan.fire:
        if job.max_concurrent and open_runs >= job.max_concurrent:
            message = f"{open_runs} runs of the job were open; max_concurrent is {job.max_concurrent}"
            runs.append(plan_skip(timer.job_id, timer.job_version, instant, TRIGGER, Reason.OVERLAP, message))
            continue
        open_runs += 1
        runs.append(
            plan_run(
                timer.job_id, timer.job_version, job, trigger=TRIGGER, scheduled_for=instant, agents=agents
            )
        )
    decisions.runs.extend(runs)
    if plan.next_fire_at is None:
        decisions.ended.append(timer.job_id)
    else:
        decisions.moves.append((timer.job_id, plan.next_fire_at))

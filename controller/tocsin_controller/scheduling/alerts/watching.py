"""The loop that looks at what is due to be looked at. Every controller runs it; each look is one controller's.

Whether something is worth an event is decided in the transaction that writes the event and moves the watch, so it is
told once. What can't be decided is put off and harms nothing else.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from tocsin_controller.definitions import Definitions
from tocsin_controller.hints import EVENTS, OUTBOX, Hints
from tocsin_controller.isolation import PASSING
from tocsin_controller.jitter import jittered
from tocsin_controller.scheduling.alerts.deadlines import LOOK_BACK, deadline_before, next_deadline
from tocsin_controller.scheduling.alerts.judging import is_late, judge_length, why_not_done
from tocsin_controller.store.database import Database, HeldSession, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.jobs import StoredJob, can_be_read, job_row, stored_job
from tocsin_controller.store.watches import (
    NO_RUN,
    WATCH_BATCH,
    Watch,
    WatchKind,
    delete_watches,
    due_watches,
    runs_before_deadline,
    runs_in_brief,
    set_watches,
)
from tocsin_controller.workflow.alerts.noting import alert
from tocsin_controller.workflow.notifying.noticing import note, notices_of
from tocsin_shared.jobs import JobDefinition, JobStatus
from tocsin_shared.logs import log

#: It looks this often (±20 %).
LOOK_SECS: Final = 1.0
#: What can't be decided is looked at again after so long.
PUT_OFF: Final = timedelta(minutes=5)


class Watchman:
    """Tells what is late, long or missing."""

    def __init__(self, db: Database, hints: Hints, definitions: Definitions) -> None:
        self._db = db
        self._hints = hints
        self._definitions = definitions

    async def run(self) -> None:
        """Until cancelled. Raises Unavailable when the database goes away; the supervisor starts it again."""
        async with self._db.hold() as session:
            while True:
                while await self.look(session) == WATCH_BATCH:
                    pass
                await asyncio.sleep(jittered(LOOK_SECS))

    async def look(self, session: HeldSession) -> int:
        """One batch of what is due; how much that was."""
        told = 0
        async with session.transaction() as transaction:
            watches = await due_watches(transaction)
            for watch, now in watches:
                told += await self._look_apart(transaction, watch, now)
        if told:
            self._hints.hint(EVENTS)
            self._hints.hint(OUTBOX, everywhere=False)
        return len(watches)

    async def _look_apart(self, session: Session, watch: Watch, now: datetime) -> int:
        """What of this one is told; if it can't be looked at, it is put off and the others are not."""
        try:
            async with session.transaction() as part:
                events = await self._look_at(part, watch, now)
                await add_events(part, events)
                await note(part, notices_of(events))
                return len(events)
        except PASSING:
            raise
        except Exception:
            log.exception("watch_put_off", job_id=str(watch.job_id), kind=watch.kind)
            await set_watches(session, [watch._replace(due_at=now + PUT_OFF)])
            return 0

    async def _look_at(self, session: Session, watch: Watch, now: datetime) -> list[NewEvent]:
        if watch.run_id != NO_RUN:
            return await self._look_at_run(session, watch, now)
        row = await job_row(session, watch.job_id)
        if row is None or not can_be_read(row):
            await delete_watches(session, [watch])  # saving the job sets it again
            return []
        job = stored_job(row)
        if watch.kind is WatchKind.SLA:
            return await _look_at_deadline(session, watch, job, now)
        return await _look_for_missing(session, watch, job, now)

    async def _look_at_run(self, session: Session, watch: Watch, now: datetime) -> list[NewEvent]:
        run = (await runs_in_brief(session, [watch.run_id])).get(watch.run_id)
        job = await self._definitions.get(session, (run.job_id, run.job_version)) if run else None
        await delete_watches(session, [watch])
        if run is None or not isinstance(job, JobDefinition) or job.alerts is None or watch.due_at is None:
            return []
        if watch.kind is WatchKind.LATE_START:
            if not is_late(run, watch.due_at):
                return []
            message = f"Job '{job.name}' had not started {job.alerts.late_start_secs} s after it was due"
            return [alert("job.late_start", "warning", message, run)]
        verdict = judge_length(run, job.alerts.expected_max_secs or 0, now)
        if verdict.again_at is not None:
            await set_watches(session, [watch._replace(due_at=verdict.again_at)])
        if not verdict.is_true:
            return []
        message = f"Job '{job.name}' takes longer than {job.alerts.expected_max_secs} s"
        return [alert("job.too_long", "warning", message, run)]


async def _look_at_deadline(session: Session, watch: Watch, job: StoredJob, now: datetime) -> list[NewEvent]:
    definition = job.definition
    at, deadline = watch.due_at, watch.about
    if definition.sla_deadline is None or at is None or deadline is None:
        await delete_watches(session, [watch])
        return []
    is_warning = at < deadline and now < deadline
    if not is_warning:
        at = deadline
    following = next_deadline(definition, max(at, now - LOOK_BACK))
    if following is not None:
        await set_watches(session, [watch._replace(due_at=following.due_at, about=following.at)])
    if job.status is JobStatus.PAUSED:
        return []
    zone = definition.timezone or "UTC"
    begin = deadline_before(definition.sla_deadline, zone, deadline)
    day = await runs_before_deadline(session, job.id, begin, at)
    why = why_not_done(day, at, job.next_fire_at)
    if why is None:
        return []
    verb = "has not succeeded yet" if is_warning else "has not succeeded in time"
    run = day.open or day.happened
    return [
        NewEvent(
            kind="sla.warning" if is_warning else "sla.breach",
            severity="warning" if is_warning else "error",
            message=f"Job '{definition.name}' {verb}: its deadline is {definition.sla_deadline} {zone}",
            job_id=job.id,
            run_id=run.id if run else None,
            details=why,
        )
    ]


async def _look_for_missing(session: Session, watch: Watch, job: StoredJob, now: datetime) -> list[NewEvent]:
    alerts = job.definition.alerts
    if alerts is None or alerts.expect_every_secs is None:
        await delete_watches(session, [watch])
        return []
    if job.status is JobStatus.PAUSED:
        later = now + timedelta(seconds=alerts.expect_every_secs)
        await set_watches(session, [watch._replace(due_at=later)])
        return []
    await set_watches(session, [watch._replace(due_at=None)])
    return [
        NewEvent(
            kind="job.missing_run",
            severity="error",
            message=f"Job '{job.definition.name}' has not succeeded for {alerts.expect_every_secs} s",
            job_id=job.id,
        )
    ]

"""New next instants for the jobs of a calendar that has changed, some jobs at a time.

Blackouts are looked up when a job is due, so only calendar schedules have instants to work out anew. An instant that is
due already stays: whether it still is one is decided when it fires.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from tocsin_controller.hints import OUTBOX, TIMERS, Hints
from tocsin_controller.scheduling.fires import next_fire
from tocsin_controller.scheduling.named_calendars import load_calendars, names_used
from tocsin_controller.scheduling.timing import timing_of
from tocsin_controller.store.calendars import jobs_of_calendar
from tocsin_controller.store.database import Session
from tocsin_controller.store.jobs import lock_job, read_clock, set_timer, stored_job
from tocsin_controller.store.launching import quarantine_job
from tocsin_controller.store.outbox import OutboxEntry, add_to_outbox
from tocsin_controller.workflow.outbox import AfterCommit
from tocsin_shared.calendar_schedules import CalendarSchedule
from tocsin_shared.errors import Conflict
from tocsin_shared.jobs import JobStatus

#: The kind of entry in the outbox.
CHANGED: Final = "calendar.changed"
#: By then every controller has written what it decided by the old content, or given up.
SETTLE_SECS: Final = 10.0
JOBS_AT_A_TIME: Final = 100


class Rescheduler:
    """Works out next instants anew."""

    def __init__(self, hints: Hints) -> None:
        self._hints = hints

    async def handle(self, session: Session, entries: Sequence[OutboxEntry]) -> AfterCommit | None:
        """See `workflow.outbox.Handler`; one entry at a time, because each is a hundred jobs."""
        for entry in entries:
            name = entry.payload["calendar"]
            after = UUID(entry.payload["after"]) if "after" in entry.payload else None
            job_ids = await jobs_of_calendar(session, name, after, JOBS_AT_A_TIME)
            for job_id in job_ids:
                await _reschedule(session, job_id)
            if len(job_ids) == JOBS_AT_A_TIME:
                await add_to_outbox(session, CHANGED, [{"calendar": name, "after": str(job_ids[-1])}])
        return self._announce

    def _announce(self) -> None:
        self._hints.hint(TIMERS)
        self._hints.hint(OUTBOX)


async def _reschedule(session: Session, job_id: UUID) -> None:
    row = await lock_job(session, job_id)
    if row is None or row["status"] != JobStatus.SCHEDULED.value:
        return
    try:
        job = stored_job(row)
        if not isinstance(job.definition.schedule, CalendarSchedule):
            return
        now = await read_clock(session)
        if job.next_fire_at is not None and job.next_fire_at <= now:
            return
        calendars = await load_calendars(session, names_used(job.definition))
        fire = next_fire(timing_of(job.definition, job.anchor, calendars), now)
    except (Conflict, KeyError, ValueError) as error:
        await quarantine_job(session, job_id, f"{type(error).__name__}: {error}"[:500])
        return
    if fire is None:
        await quarantine_job(session, job_id, "with its calendars as they are now it is never due")
        return
    await set_timer(
        session,
        job.id,
        version=job.version,
        priority=job.definition.priority,
        next_fire_at=fire.at,
        anchor=job.anchor,
    )

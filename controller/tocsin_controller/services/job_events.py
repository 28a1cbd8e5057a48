"""Which events start a job, kept where whoever writes an event looks."""

from uuid import UUID

from tocsin_controller.scheduling.on_events import like_of
from tocsin_controller.store.database import Session
from tocsin_controller.store.event_triggers import drop_event_trigger, set_event_trigger
from tocsin_shared.event_schedules import EventSchedule
from tocsin_shared.jobs import JobDefinition


async def note_event_trigger(
    session: Session, job_id: UUID, job: JobDefinition, before: JobDefinition | None
) -> None:
    """In the transaction that saves the job; nothing is written for jobs that no event starts, now or before."""
    schedule = job.schedule
    if isinstance(schedule, EventSchedule):
        await set_event_trigger(
            session, job_id, like_of(schedule.value.kind_pattern), schedule.value.severity
        )
    elif before is None or isinstance(before.schedule, EventSchedule):
        await drop_event_trigger(session, job_id)

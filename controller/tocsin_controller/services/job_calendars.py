"""The named calendars that a job refers to: whether they exist, and keeping them from being deleted."""

from uuid import UUID

from tocsin_controller.scheduling.named_calendars import NamedCalendar, names_used, parsed
from tocsin_controller.store.calendars import set_job_calendars, share_calendars
from tocsin_controller.store.database import Session
from tocsin_shared.calendar_schedules import CalendarSchedule
from tocsin_shared.errors import FieldError
from tocsin_shared.jobs import JobDefinition


async def calendars_for(
    session: Session, job: JobDefinition
) -> tuple[dict[str, NamedCalendar], list[FieldError]]:
    """A calendar for every name the job uses, an empty one where there is none, and what is wrong with the names."""
    names = names_used(job)
    if not names:
        return {}, []
    found = await parsed(await share_calendars(session, names))
    listed = [("blackouts", job.blackouts)]
    if isinstance(job.schedule, CalendarSchedule):
        listed.append(("schedule.value.calendars", job.schedule.value.calendars))
    wrong = [
        FieldError(f"{field}.{number}", f"there is no calendar '{name}'")
        for field, used in listed
        for number, name in enumerate(used)
        if name not in found
    ]
    return {name: found.get(name, NamedCalendar(name)) for name in names}, wrong


async def note_calendars(
    session: Session, job_id: UUID, job: JobDefinition, before: JobDefinition | None
) -> None:
    """What the job refers to from now on, in the transaction that saves it."""
    names = names_used(job)
    if (before is None and names) or (before is not None and names != names_used(before)):
        await set_job_calendars(session, job_id, names)

"""What of a job is to be looked at, kept in step with its definition."""

from datetime import datetime, timedelta
from uuid import UUID

from tocsin_controller.scheduling.alerts.deadlines import next_deadline
from tocsin_controller.store.database import Session
from tocsin_controller.store.watches import NO_RUN, Watch, WatchKind, delete_watches, set_watches
from tocsin_shared.jobs import JobDefinition


async def arm(
    session: Session, job_id: UUID, before: JobDefinition | None, job: JobDefinition, now: datetime
) -> None:
    """Set what is looked at anew where the definition changed; `before` is None for a new or unreadable job."""
    wanted: list[Watch] = []
    unwanted: list[Watch] = []
    if before is None or _sla(before) != _sla(job):
        watch = Watch(job_id, WatchKind.SLA, NO_RUN, None)
        deadline = next_deadline(job, now)
        if deadline is None:
            unwanted.append(watch)
        else:
            wanted.append(watch._replace(due_at=deadline.due_at, about=deadline.at))
    if before is None or _every_secs(before) != _every_secs(job):
        watch = Watch(job_id, WatchKind.MISSING, NO_RUN, None)
        every_secs = _every_secs(job)
        if every_secs is None:
            unwanted.append(watch)
        else:
            wanted.append(watch._replace(due_at=now + timedelta(seconds=every_secs)))
    await set_watches(session, wanted)
    await delete_watches(session, unwanted)


def _sla(job: JobDefinition) -> tuple[object, ...]:
    return job.sla_deadline, job.sla_warning_mins, job.timezone if job.sla_deadline else None


def _every_secs(job: JobDefinition) -> int | None:
    return job.alerts.expect_every_secs if job.alerts else None

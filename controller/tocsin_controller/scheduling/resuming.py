"""Paused jobs whose time has come: they resume by themselves, on whichever controller takes the entry first.

The entry in the outbox is written with the pause and names it. A pause that was ended or replaced meanwhile is another
one, and the entry says nothing any more.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from tocsin_controller.hints import EVENTS, TIMERS, Hints
from tocsin_controller.scheduling.fires import next_fire
from tocsin_controller.scheduling.named_calendars import load_calendars, names_used
from tocsin_controller.scheduling.timing import Once, timing_of
from tocsin_controller.store.database import Record, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.jobs import lock_job, set_timer, stored_job
from tocsin_controller.store.launching import quarantine_job
from tocsin_controller.store.outbox import OutboxEntry
from tocsin_controller.store.pausing import end_pause
from tocsin_controller.workflow.outbox import AfterCommit
from tocsin_shared.errors import Conflict
from tocsin_shared.jobs import JobStatus

#: The kind of entry in the outbox.
RESUME: Final = "job.resume"

_MICROSECOND = timedelta(microseconds=1)


def resume_entry(job_id: UUID, pause: dict[str, Any]) -> dict[str, Any]:
    """What the outbox is told of a pause that ends by itself."""
    return {"job_id": str(job_id), "at": pause["at"]}


class Resumer:
    """Ends pauses."""

    def __init__(self, hints: Hints) -> None:
        self._hints = hints

    async def handle(self, session: Session, entries: Sequence[OutboxEntry]) -> AfterCommit | None:
        """See `workflow.outbox.Handler`."""
        for entry in sorted(entries, key=lambda entry: str(entry.payload["job_id"])):
            row = await lock_job(session, UUID(entry.payload["job_id"]))
            if row is not None and _is_meant(row, entry):
                await _resume(session, row, datetime.fromisoformat(row["pause"]["until"]))
        return self._announce

    def _announce(self) -> None:
        self._hints.hint(TIMERS)
        self._hints.hint(EVENTS)


def _is_meant(row: Record, entry: OutboxEntry) -> bool:
    pause = row["pause"]
    return (
        row["status"] == JobStatus.PAUSED.value
        and pause is not None
        and pause["at"] == entry.payload["at"]
        and pause["until"] is not None
    )


async def _resume(session: Session, row: Record, since: datetime) -> None:
    """From `since` on, which has passed by a little: an instant in between is due now (G1)."""
    try:
        job = stored_job(row)
        calendars = await load_calendars(session, names_used(job.definition))
        timing = timing_of(job.definition, job.anchor, calendars)
        is_once = isinstance(timing.rule, Once)
        fire = next_fire(
            timing, datetime.min.replace(tzinfo=since.tzinfo) if is_once else since - _MICROSECOND
        )
    except (Conflict, KeyError, ValueError) as error:
        await end_pause(session, row["id"], JobStatus.UNSCHEDULED)
        await quarantine_job(session, row["id"], f"{type(error).__name__}: {error}"[:500])
        return
    await end_pause(session, job.id, JobStatus.SCHEDULED if fire else JobStatus.UNSCHEDULED)
    await set_timer(
        session,
        job.id,
        version=job.version,
        priority=job.definition.priority,
        next_fire_at=fire.at if fire else None,
        anchor=job.anchor,
    )
    message = f"Job '{job.name}' was resumed, as its pause said"
    await add_events(session, [NewEvent("job.resumed", "info", message, job_id=job.id)])

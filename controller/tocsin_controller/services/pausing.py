"""Pausing and resuming jobs: what is checked, and what changes together."""

from typing import Any
from uuid import UUID

from tocsin_controller.hints import OUTBOX, Hints
from tocsin_controller.scheduling.resuming import RESUME, resume_entry
from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.jobs import JobService
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.jobs import read_clock, stored_job
from tocsin_controller.store.outbox import add_to_outbox
from tocsin_controller.store.pausing import set_pause
from tocsin_shared.errors import InvalidInput
from tocsin_shared.jobs import JobStatus
from tocsin_shared.pausing import PauseRequest


class PauseService:
    """Pauses with a note and an end."""

    def __init__(self, db: Database, hints: Hints, jobs: JobService) -> None:
        self._db = db
        self._hints = hints
        self._jobs = jobs

    async def pause(self, ref: str, body: PauseRequest, by: Principal) -> UUID:
        """Pause a job, or say anew why and until when. Raises NotFound, InvalidInput, Conflict."""
        job_id = await self._jobs.find_id(ref)
        async with self._db.transaction() as session:
            row = await self._jobs.lock_in(session, job_id, ref)
            now = await read_clock(session)
            if body.until is not None and body.until <= now:
                raise InvalidInput.field("until", "has already passed")
            await self._jobs.save_in(session, row, stored_job(row).definition, JobStatus.PAUSED, by)
            stored = {
                "note": body.note,
                "until": body.until and body.until.isoformat(),
                "by": by.name,
                "at": now.isoformat(),
            }
            await set_pause(session, job_id, stored)
            if body.until is not None:
                entry = resume_entry(job_id, stored)
                delay_secs = (body.until - now).total_seconds()
                await add_to_outbox(session, RESUME, [entry], delay_secs=delay_secs)
            until = f" until {body.until:%Y-%m-%d %H:%M:%S} UTC" if body.until else ""
            await _tell(
                session, by, "job.paused", job_id, f"Job '{row['name']}' was paused{until}", body.note
            )
        self._jobs.announce()
        self._hints.hint(OUTBOX)
        return job_id

    async def resume(self, ref: str, by: Principal) -> UUID:
        """Let the schedule act again; one that is not paused stays as it is. Raises NotFound, InvalidInput."""
        job_id = await self._jobs.find_id(ref)
        async with self._db.transaction() as session:
            row = await self._jobs.lock_in(session, job_id, ref)
            if row["status"] == JobStatus.PAUSED.value:
                await self._jobs.save_in(session, row, stored_job(row).definition, JobStatus.SCHEDULED, by)
                await _tell(session, by, "job.resumed", job_id, f"Job '{row['name']}' was resumed", None)
        self._jobs.announce()
        return job_id


async def _tell(
    session: Session, by: Principal, kind: str, job_id: UUID, message: str, note: str | None
) -> None:
    event: dict[str, Any] = {"api_key_id": by.key_id, "api_key_name": by.name, "details": note}
    await add_events(session, [NewEvent(kind, "info", message, job_id=job_id, **event)])
    await add_audit(session, by, kind, "job", job_id, note)

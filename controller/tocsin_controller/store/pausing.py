"""Questions about paused jobs."""

from typing import Any
from uuid import UUID

from tocsin_controller.store.database import Session
from tocsin_controller.store.statements import sql
from tocsin_shared.jobs import JobStatus

_SET_PAUSE = sql("set_pause")
_END_PAUSE = sql("end_pause")


async def set_pause(session: Session, job_id: UUID, pause: dict[str, Any]) -> None:
    """Why the job is paused, and until when. The caller holds its lock."""
    await session.execute(_SET_PAUSE, job_id, pause)


async def end_pause(session: Session, job_id: UUID, status: JobStatus) -> None:
    """The job is paused no more. The caller holds its lock."""
    await session.execute(_END_PAUSE, job_id, status.value)

"""The connection that a job's task names: whether there is one that fits, and noting who uses it."""

from uuid import UUID

from tocsin_controller.store.connections import set_job_connection, share_connection
from tocsin_controller.store.database import Session
from tocsin_shared.errors import FieldError
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.tasks.fitting import connection_of, why_unfit


async def check_connection(session: Session, job: JobDefinition) -> list[FieldError]:
    """What is wrong with the connection that a job names, which stays as it is until the transaction ends."""
    name = connection_of(job.task)
    if name is None:
        return []
    conn_type = await share_connection(session, name)
    if conn_type is None:
        return [FieldError("task.connection", f"there is no connection '{name}'")]
    why = why_unfit(job.task, conn_type)
    return [FieldError("task.connection", why)] if why is not None else []


async def note_connection(
    session: Session, job_id: UUID, job: JobDefinition, before: JobDefinition | None
) -> None:
    """What the job's task names from now on, in the transaction that saves it. `before`: None when not known."""
    name = connection_of(job.task)
    if before is None or name != connection_of(before.task):
        await set_job_connection(session, job_id, name)

"""The execution that an entry of the outbox tells of."""

from uuid import UUID

from tocsin_controller.store import history
from tocsin_controller.store.database import Database, Record, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.outbox import OutboxEntry


async def execution_of(db: Database | Session, entry: OutboxEntry) -> Record | None:
    """None when its history was dropped meanwhile."""
    return await history.execution(db, UUID(entry.payload["execution_id"]))


async def tell_unsent(session: Session, entry: OutboxEntry, kind: str, failure: str, why: str) -> None:
    """An event of this kind: the execution's result could not be sent.

    failure: what could not be done with it, to follow "could not be".
    """
    execution = await execution_of(session, entry)
    if execution is None:
        return
    event = NewEvent(
        kind,
        "error",
        f"A result of job '{execution['job_name']}' could not be {failure}",
        job_id=execution["job_id"],
        run_id=execution["run_id"],
        execution_id=execution["id"],
        details=why,
    )
    await add_events(session, [event])

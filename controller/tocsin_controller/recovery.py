"""What must happen to the database's contents after some of them were lost."""

from dataclasses import dataclass

from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.doubts import doubt_handed_out
from tocsin_controller.store.epoch import bump_epoch
from tocsin_controller.store.events import NewEvent, add_events


@dataclass(frozen=True, slots=True)
class Begun:
    """A new epoch."""

    epoch: int
    #: State directories whose marks were cleared.
    unmarked: int
    #: Executions in the queue that the lost part may have handed out: they wait for their agents.
    doubted: int


async def begin_epoch(db: Database, *, why: str, keep_queue: bool = False) -> Begun:
    """Raise the epoch and clear the marks of state directories, so that their owners are let in again.

    What waits in the queue may have been handed out by the part that was lost, and is not handed out again, unless
    `keep_queue` says that nothing was.
    """
    async with db.transaction() as session:
        begun = await begin_epoch_in(session, why=why, keep_queue=keep_queue)
    db.epochs.note(begun.epoch)
    return begun


async def begin_epoch_in(session: Session, *, why: str, above: int = 0, keep_queue: bool = False) -> Begun:
    """As `begin_epoch`, in the caller's transaction; the new epoch is higher than `above` too."""
    epoch, unmarked = await bump_epoch(session, above)
    begun = Begun(epoch, unmarked, 0 if keep_queue else await doubt_handed_out(session))
    event = NewEvent(
        kind="cluster.epoch",
        severity="warning",
        message=f"Epoch {begun.epoch} has begun: fences are higher than all before",
        details=why,
    )
    await add_events(session, [event])
    return begun

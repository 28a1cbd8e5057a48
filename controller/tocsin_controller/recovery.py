"""What must happen to the database's contents after some of them were lost."""

from dataclasses import dataclass

from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.epoch import bump_epoch
from tocsin_controller.store.events import NewEvent, add_events


@dataclass(frozen=True, slots=True)
class Begun:
    """A new epoch."""

    epoch: int
    #: State directories whose marks were cleared.
    unmarked: int


async def begin_epoch(db: Database, *, why: str) -> Begun:
    """Raise the epoch and clear the marks of state directories, so that their owners are let in again."""
    async with db.transaction() as session:
        begun = await begin_epoch_in(session, why=why)
    db.epochs.note(begun.epoch)
    return begun


async def begin_epoch_in(session: Session, *, why: str, above: int = 0) -> Begun:
    """As `begin_epoch`, in the caller's transaction; the new epoch is higher than `above` too."""
    begun = Begun(*await bump_epoch(session, above))
    event = NewEvent(
        kind="cluster.epoch",
        severity="warning",
        message=f"Epoch {begun.epoch} has begun: fences are higher than all before",
        details=why,
    )
    await add_events(session, [event])
    return begun

"""The epoch of the database: which of its lives this is, after a restore or a failover with loss."""

import asyncpg

from tocsin_controller.store.postgres.session import Queries
from tocsin_controller.store.statements import sql
from tocsin_shared.errors import Unavailable
from tocsin_shared.logs import log
from tocsin_shared.protocol import EPOCH_SHIFT, epoch_of

_READ_EPOCH = sql("read_epoch")
_BUMP_EPOCH = sql("bump_epoch")


class StaleDatabase(Unavailable):
    """The database is older than the one this controller has worked with: an old primary came back."""


class EpochGuard:
    """The highest epoch this process has seen, and the refusal of anything below it."""

    def __init__(self) -> None:
        self.highest = 0

    def note(self, epoch: int) -> None:
        """An epoch was read from the database. Raises StaleDatabase when it is lower than one seen before."""
        if epoch < self.highest:
            log.error("stale_database_refused", epoch=epoch, seen=self.highest)
            raise StaleDatabase(
                f"the database is of epoch {epoch}, but epoch {self.highest} has begun: "
                "is this an old primary that came back?",
                retry_after_secs=5,
            )
        if epoch > self.highest:
            log.info("epoch_seen", epoch=epoch)
            self.highest = epoch

    @property
    def last_fence_before(self) -> int:
        """The highest fence that any earlier epoch can have handed out."""
        return max((self.highest << EPOCH_SHIFT) - 1, 0)

    def note_fence(self, fence: int) -> None:
        """A fence was handed out. Raises as `note`."""
        self.note(epoch_of(fence))

    async def examine(self, connection: asyncpg.Connection) -> None:
        """A connection was opened, perhaps to another server. Raises StaleDatabase, or the driver's errors."""
        try:
            epoch = await connection.fetchval(_READ_EPOCH.sql)
        except asyncpg.UndefinedTableError:  # not migrated yet
            return
        self.note(epoch)


async def read_epoch(session: Queries) -> int:
    """The database's epoch."""
    epoch: int = await session.fetchval(_READ_EPOCH)
    return epoch


async def bump_epoch(session: Queries, above: int = 0) -> tuple[int, int]:
    """Begin a new epoch and clear the marks of all state directories; the new epoch, and how many marks."""
    (row,) = await session.fetch(_BUMP_EPOCH, above)
    return row["epoch"], row["unmarked"]

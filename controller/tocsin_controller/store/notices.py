"""Questions about how much was told lately."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from tocsin_controller.store.database import Queries, Session
from tocsin_controller.store.statements import sql

_LOCK = sql("lock_notice_bounds")
_SET = sql("set_notice_bounds")
_FORGET = sql("forget_notice_bounds")


class Bound(NamedTuple):
    """What was told about one thing, or by the whole fleet, in the hour that began then."""

    about: UUID
    began_at: datetime
    told: int = 0
    held_back: int = 0


async def lock_bounds(session: Session, abouts: Sequence[UUID]) -> dict[UUID, Bound]:
    """How much was told about each; nobody else tells anything about them until the transaction ends."""
    return {row["about"]: Bound(*row) for row in await session.fetch(_LOCK, list(abouts))}


async def set_bounds(session: Session, bounds: Sequence[Bound]) -> None:
    """Keep what was counted."""
    await session.execute(
        _SET,
        [b.about for b in bounds],
        [b.began_at for b in bounds],
        [b.told for b in bounds],
        [b.held_back for b in bounds],
    )


async def forget_bounds(session: Queries) -> None:
    """Those whose hour has long been over."""
    await session.execute(_FORGET)

"""Questions about the brake: is the fleet as a whole out of reach?"""

from dataclasses import dataclass
from datetime import datetime

from tocsin_controller.store.database import Queries
from tocsin_controller.store.statements import sql

_LOCK_BRAKE = sql("lock_brake")
_SET_BRAKE = sql("set_brake")
_PROLONG_WAITING = sql("prolong_waiting")


@dataclass(frozen=True, slots=True)
class BrakeState:
    """What is remembered from sweep to sweep, whichever controller does it."""

    #: The end of the last time during which controllers or database were away.
    resumed_at: datetime | None = None
    #: Nothing is declared lost before this; None: the brake is off.
    held_until: datetime | None = None
    held_since: datetime | None = None
    #: What people were told about it; None: nothing, because nothing was in use.
    why: str | None = None


@dataclass(frozen=True, slots=True)
class FleetFacts:
    """What a sweep sees, all of it by the database's clock."""

    now: datetime
    swept_at: datetime | None
    state: BrakeState
    epoch: int
    #: Agents whose lease ran out just now, and those whose lease holds.
    silent: int
    alive: int
    #: Whether there is anybody or anything that could be lost.
    is_in_use: bool


async def lock_brake(session: Queries, *, window_secs: float) -> FleetFacts | None:
    """The facts, locked until the transaction ends; None while another controller is at it."""
    row = await session.fetchrow(_LOCK_BRAKE, window_secs)
    if row is None:
        return None
    return FleetFacts(
        now=row["now"],
        swept_at=row["swept_at"],
        state=BrakeState(row["resumed_at"], row["held_until"], row["held_since"], row["why"]),
        epoch=row["epoch"],
        silent=row["silent"],
        alive=row["alive"],
        is_in_use=row["is_in_use"],
    )


async def set_brake(session: Queries, state: BrakeState) -> None:
    """Remember what was decided, and that a sweep took place."""
    await session.execute(_SET_BRAKE, state.resumed_at, state.held_until, state.held_since, state.why)


async def prolong_waiting(session: Queries, secs: float) -> None:
    """Whatever waits for an agent may wait so long from now."""
    await session.execute(_PROLONG_WAITING, secs)

"""How much is told: so many notifications an hour about one thing, the rest counted. Pure."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from tocsin_controller.store.notices import Bound

WINDOW: Final = timedelta(hours=1)
#: After the hour, what was held back in it should long have been told. Whoever was to tell it may have been set aside.
_LATEST: Final = 2 * WINDOW
#: What is bounded besides jobs: the fleet's own alerts, and everything together.
SYSTEM: Final = UUID(int=1)
FLEET: Final = UUID(int=0)


class Admission(NamedTuple):
    """Whether one more is told."""

    bound: Bound
    is_told: bool
    #: It is the first that is held back: at the hour's end it is told how many those were.
    is_first_held: bool = False
    #: So many were held back in an hour that is long over, and never told of.
    untold: int = 0


def admit(bound: Bound, most: int, now: datetime) -> Admission:
    """One more notification."""
    untold = 0
    if now - bound.began_at >= (_LATEST if bound.held_back else WINDOW):
        bound, untold = Bound(bound.about, now), bound.held_back
    if bound.told < most:
        return Admission(bound._replace(told=bound.told + 1), is_told=True, untold=untold)
    held = bound._replace(held_back=bound.held_back + 1)
    return Admission(held, is_told=False, is_first_held=held.held_back == 1, untold=untold)


def secs_left(bound: Bound, now: datetime) -> float:
    """Until the hour ends."""
    return max((bound.began_at + WINDOW - now).total_seconds(), 0.0)

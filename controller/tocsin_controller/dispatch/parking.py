"""Agents that wait for work, by what they may take. In memory, pure, fair: work for several goes round.

Some routes can't be listed for an agent (`targeting.Routes`): work for an expression over tags. Those are learned when
work appears in one; each agent that is parked, then or later, is asked whether it may take from it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K")


@dataclass(slots=True)
class _Place:
    routes: Collection[str]
    slots: int
    #: Learned routes that it may take from.
    learned: list[str]


@dataclass(slots=True)
class ParkingLot(Generic[K]):
    """Who waits. Taking from a route costs the same however many agents are parked."""

    _places: dict[K, _Place] = field(default_factory=dict)
    #: Per route, those parked in the order in which they are asked next (dicts keep order).
    _by_route: dict[str, dict[K, None]] = field(default_factory=dict)
    #: The routes beside those that the parked list themselves.
    _learned: dict[str, None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._places)

    def park(self, key: K, routes: Collection[str], slots: int) -> None:
        """`key` can take up to `slots` rows from any of these routes."""
        learned = [route for route in self._learned if route in routes]
        self._places[key] = _Place(routes, slots, learned)
        for route in (*routes, *learned):
            self._by_route.setdefault(route, {})[key] = None

    def learn(self, route: str) -> None:
        """Work may be found in a route that nobody lists: those parked who may take from it do so from now on."""
        if route in self._learned:
            return
        self._learned[route] = None
        for key, place in self._places.items():
            if route in place.routes:
                place.learned.append(route)
                self._by_route.setdefault(route, {})[key] = None

    def unlearn_all_but(self, routes: Collection[str]) -> None:
        """There is no work in the other learned routes any more."""
        for route in [r for r in self._learned if r not in routes]:
            del self._learned[route]
            for key in self._by_route.pop(route, ()):
                self._places[key].learned.remove(route)

    def leave(self, key: K) -> None:
        """`key` waits no more. Leaving twice does no harm."""
        place = self._places.pop(key, None)
        if place is None:
            return
        for route in (*place.routes, *place.learned):
            waiting = self._by_route[route]
            del waiting[key]
            if not waiting:
                del self._by_route[route]

    def serves(self, route: str) -> bool:
        """Whether anybody parked may take from this route."""
        return route in self._by_route

    def serves_any(self, routes: Iterable[str]) -> bool:
        """Whether anybody parked may take from one of these routes."""
        return any(route in self._by_route for route in routes)

    def seating(self) -> "Seating[K]":
        """A plan of who gets what; the lot itself stays as it is until somebody leaves."""
        return Seating(self._places, self._by_route)


class Seating(Generic[K]):
    """Slots handed out on paper, before it is known what there is to take."""

    def __init__(self, places: Mapping[K, _Place], by_route: Mapping[str, Mapping[K, None]]) -> None:
        self._by_route = by_route
        self._places = places
        self._left: dict[K, int] = {}

    def take(self, route: str, up_to: int) -> list[K]:
        """Who gets the first row of this route, who the second ...: in turns, while slots are free."""
        seats: list[K] = []
        turn = self._by_route.get(route, {})
        while turn and len(seats) < up_to:
            again: dict[K, None] = {}
            for key in turn:
                if len(seats) >= up_to:
                    break
                left = self._left.get(key)
                if left is None:
                    left = self._places[key].slots
                if left > 0:
                    self._left[key] = left - 1
                    seats.append(key)
                    if left > 1:
                        again[key] = None
            turn = again
        return seats

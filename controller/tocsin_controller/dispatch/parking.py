"""Agents that wait for work, by what they may take. In memory, pure, fair: work for several goes round."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K")


@dataclass(slots=True)
class _Place:
    routes: frozenset[str]
    slots: int


@dataclass(slots=True)
class ParkingLot(Generic[K]):
    """Who waits. Taking from a route costs the same however many agents are parked."""

    _places: dict[K, _Place] = field(default_factory=dict)
    #: Per route, those parked in the order in which they are asked next (dicts keep order).
    _by_route: dict[str, dict[K, None]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._places)

    def park(self, key: K, routes: frozenset[str], slots: int) -> None:
        """`key` can take up to `slots` rows from any of these routes."""
        self._places[key] = _Place(routes, slots)
        for route in routes:
            self._by_route.setdefault(route, {})[key] = None

    def leave(self, key: K) -> None:
        """`key` waits no more. Leaving twice does no harm."""
        place = self._places.pop(key, None)
        if place is None:
            return
        for route in place.routes:
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

"""Agents that wait for work, by what they may take. In memory, pure, fair: work for several goes round."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tocsin_controller.store.leasing import Row

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

    def free_slots(self, route: str, *, up_to: int) -> int:
        """How many rows of this route could be placed now, counted no further than `up_to`."""
        total = 0
        for key in self._by_route.get(route, ()):
            total += self._places[key].slots
            if total >= up_to:
                return up_to
        return total

    def assign(self, rows: Iterable[Row]) -> dict[K, list[Row]]:
        """Give rows to those parked: most urgent first, then oldest. Whoever got something leaves the lot."""
        given: dict[K, list[Row]] = {}
        for row in sorted(rows, key=lambda r: (-r.priority, r.position)):
            key = self._next(row.route)
            if key is not None:
                given.setdefault(key, []).append(row)
        for key in given:
            self.leave(key)
        return given

    def _next(self, route: str) -> K | None:
        """Whose turn it is on this route; that one goes to the end of the line."""
        waiting = self._by_route.get(route, {})
        for key in waiting:
            place = self._places[key]
            if place.slots > 0:
                place.slots -= 1
                del waiting[key]
                waiting[key] = None
                return key
        return None

"""Fair seating of waiting agents."""

from collections import Counter

from tocsin_controller.dispatch.parking import ParkingLot
from tocsin_shared.ids import new_id


def lot(**places: tuple[set[str], int]) -> ParkingLot[str]:
    parked: ParkingLot[str] = ParkingLot()
    for name, (routes, slots) in places.items():
        parked.park(name, frozenset(routes), slots)
    return parked


def test_work_for_any_goes_round() -> None:
    parked = lot(a=({"any:shell"}, 4), b=({"any:shell"}, 4))
    assert parked.seating().take("any:shell", 4) == ["a", "b", "a", "b"]


def test_nobody_gets_more_than_its_slots() -> None:
    parked = lot(a=({"any:shell"}, 1), b=({"any:shell"}, 2))
    assert Counter(parked.seating().take("any:shell", 10)) == {"a": 1, "b": 2}


def test_slots_are_counted_over_all_routes() -> None:
    seating = lot(a=({"x", "y"}, 3)).seating()
    assert seating.take("x", 2) == ["a", "a"]
    assert seating.take("y", 2) == ["a"]
    assert seating.take("x", 2) == []


def test_seats_are_only_planned() -> None:
    parked = lot(a=({"x"}, 1))
    assert parked.seating().take("x", 1) == parked.seating().take("x", 1) == ["a"]


def test_a_route_that_nobody_serves_has_no_seats() -> None:
    assert lot(a=({"any:http"}, 3)).seating().take("any:shell", 1) == []


def test_whoever_left_the_lot_gets_nothing() -> None:
    parked = lot(a=({"any:shell"}, 3), b=({"any:shell"}, 1))
    parked.leave("a")
    assert parked.seating().take("any:shell", 5) == ["b"]


def test_whoever_came_back_is_asked_last() -> None:
    parked = lot(a=({"x"}, 1), b=({"x"}, 1))
    parked.leave("a")
    parked.park("a", frozenset({"x"}), 1)
    assert parked.seating().take("x", 2) == ["b", "a"]


def test_leaving_twice_does_no_harm() -> None:
    parked = lot(a=({"x"}, 1))
    parked.leave("a")
    parked.leave("a")
    assert not parked.serves("x")


def test_an_agent_without_slots_is_parked_but_gets_nothing() -> None:
    parked = lot(a=({"any:shell"}, 0))
    assert len(parked) == 1
    assert parked.seating().take("any:shell", 1) == []


def test_ids_in_a_row_sort_by_age() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert all(i.version == 7 for i in ids)


class SomeRoutes(frozenset[str]):
    """Routes of which not all can be listed."""

    def __contains__(self, route: object) -> bool:
        return super().__contains__(route) or route == "learned"


def test_a_route_that_nobody_lists_is_served_once_it_is_learned() -> None:
    parked: ParkingLot[str] = ParkingLot()
    parked.park("early", SomeRoutes({"x"}), 1)
    parked.park("other", frozenset({"x"}), 1)
    assert not parked.serves("learned")
    parked.learn("learned")
    parked.learn("learned")
    parked.park("late", SomeRoutes({"x"}), 1)
    assert parked.seating().take("learned", 5) == ["early", "late"]


def test_what_was_learned_is_forgotten_when_there_is_no_such_work() -> None:
    parked: ParkingLot[str] = ParkingLot()
    parked.learn("learned")
    parked.park("a", SomeRoutes({"x"}), 1)
    parked.unlearn_all_but({"learned"})
    assert parked.serves("learned")
    parked.unlearn_all_but(set())
    assert not parked.serves("learned")
    parked.leave("a")
    assert not parked.serves("x")


def test_whoever_leaves_is_gone_from_learned_routes_too() -> None:
    parked: ParkingLot[str] = ParkingLot()
    parked.learn("learned")
    parked.park("a", SomeRoutes({"x"}), 1)
    parked.leave("a")
    assert not parked.serves("learned")

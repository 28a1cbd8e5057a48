"""Fair matching of waiting agents with waiting rows."""

from itertools import count

from tocsin_controller.dispatch.parking import ParkingLot
from tocsin_controller.store.leasing import Row
from tocsin_shared.ids import new_id

JOB = new_id()
POSITIONS = count(1)


def row(route: str = "any:shell", priority: int = 0) -> Row:
    return Row(new_id(), next(POSITIONS), route, priority, JOB, 1)


def lot(**places: tuple[set[str], int]) -> ParkingLot[str]:
    parked: ParkingLot[str] = ParkingLot()
    for name, (routes, slots) in places.items():
        parked.park(name, frozenset(routes), slots)
    return parked


def test_work_for_any_goes_round() -> None:
    parked = lot(a=({"any:shell"}, 4), b=({"any:shell"}, 4))
    given = parked.assign([row() for _ in range(4)])
    assert {name: len(rows) for name, rows in given.items()} == {"a": 2, "b": 2}


def test_nobody_gets_more_than_its_slots() -> None:
    parked = lot(a=({"any:shell"}, 1), b=({"any:shell"}, 2))
    given = parked.assign([row() for _ in range(10)])
    assert {name: len(rows) for name, rows in given.items()} == {"a": 1, "b": 2}


def test_the_most_urgent_row_is_placed_first() -> None:
    parked = lot(a=({"any:shell"}, 1))
    late_but_urgent = [row(), row(priority=5)]
    given = parked.assign(late_but_urgent)
    assert [r.priority for r in given["a"]] == [5]


def test_among_equals_the_oldest_goes_first() -> None:
    older, newer = row(), row()
    given = lot(a=({"any:shell"}, 1)).assign([newer, older])
    assert given == {"a": [older]}


def test_rows_without_a_taker_are_left() -> None:
    assert lot(a=({"any:http"}, 3)).assign([row()]) == {}


def test_whoever_got_something_has_left_the_lot() -> None:
    parked = lot(a=({"any:shell"}, 3), b=({"any:shell"}, 3))
    parked.assign([row()])
    assert len(parked) == 1
    assert parked.free_slots("any:shell", up_to=100) == 3


def test_free_slots_are_counted_no_further_than_asked() -> None:
    parked = lot(a=({"x"}, 3), b=({"x"}, 3))
    assert parked.free_slots("x", up_to=4) == 4
    assert parked.free_slots("x", up_to=100) == 6
    assert parked.free_slots("y", up_to=100) == 0


def test_leaving_twice_does_no_harm() -> None:
    parked = lot(a=({"x"}, 1))
    parked.leave("a")
    parked.leave("a")
    assert not parked.serves("x")


def test_an_agent_without_slots_is_parked_but_gets_nothing() -> None:
    parked = lot(a=({"any:shell"}, 0))
    assert len(parked) == 1
    assert parked.assign([row()]) == {}


def test_ids_in_a_row_sort_by_age() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert all(i.version == 7 for i in ids)

"""Beliefs about where work waits."""

from tocsin_controller.dispatch.lanes import Lanes
from tocsin_controller.store.leasing import Lane, NewWork

LANE = Lane("any:shell", 0)


def test_a_lane_starts_just_before_its_first_row() -> None:
    lanes = Lanes()
    lanes.add(LANE, NewWork(first=10, rows=3))
    (look,) = lanes.looks()
    assert (look.low, look.count) == (9, 3)


def test_urgent_lanes_are_looked_at_first() -> None:
    lanes = Lanes()
    for priority in (0, 9, -3, 4):
        lanes.add(Lane("any:shell", priority))
    assert [look.lane.priority for look in lanes.looks()] == [9, 4, 0, -3]


def test_what_was_taken_is_stepped_over() -> None:
    lanes = Lanes()
    lanes.add(LANE, NewWork(first=10, rows=30))
    (look,) = lanes.looks()
    lanes.took(look, last=20, count=10)
    (look,) = lanes.looks()
    assert (look.low, look.count) == (20, 20)


def test_a_lane_is_forgotten_once_all_of_it_was_taken() -> None:
    lanes = Lanes()
    lanes.add(LANE, NewWork(first=10, rows=2))
    (look,) = lanes.looks()
    lanes.took(look, last=11, count=2)
    assert not list(lanes.looks())


def test_a_lane_of_unknown_size_is_looked_at_until_it_is_empty() -> None:
    lanes = Lanes()
    lanes.add(LANE)
    lanes.add(LANE, NewWork(first=10, rows=2))
    (look,) = lanes.looks()
    assert look.count is None
    lanes.took(look, last=11, count=2)
    (look,) = lanes.looks()
    lanes.drop(look)
    assert not list(lanes.looks())


def test_work_added_during_a_claim_is_not_forgotten() -> None:
    lanes = Lanes()
    lanes.add(LANE, NewWork(first=10, rows=1))
    (look,) = lanes.looks()
    lanes.add(LANE, NewWork(first=20, rows=1))
    lanes.drop(look)
    assert len(lanes) == 1
    lanes.took(look, last=10, count=1)
    (look,) = lanes.looks()
    assert (look.low, look.count) == (9, 1)


def test_an_older_row_moves_the_bound_back() -> None:
    lanes = Lanes()
    lanes.add(LANE, NewWork(first=20, rows=1))
    lanes.add(LANE, NewWork(first=10, rows=1))
    assert next(lanes.looks()).low < 10


def test_a_full_scan_replaces_beliefs_but_not_newer_ones() -> None:
    lanes = Lanes()
    lanes.add(Lane("gone", 0))
    seen_at = lanes.stamp()
    lanes.add(Lane("brand-new", 0))
    lanes.replace([LANE], seen_at=seen_at)
    assert set(lanes.routes()) == {"any:shell", "brand-new"}

"""Beliefs about where work waits."""

from tocsin_controller.dispatch.lanes import Lanes
from tocsin_controller.store.leasing import Lane

LANE = Lane("any:shell", 0)


def test_a_lane_starts_just_before_its_first_row() -> None:
    lanes, first = Lanes(), 10
    lanes.add(LANE, first)
    (look,) = lanes.looks()
    assert look.low == first - 1


def test_urgent_lanes_are_looked_at_first() -> None:
    lanes = Lanes()
    for priority in (0, 9, -3, 4):
        lanes.add(Lane("any:shell", priority))
    assert [look.lane.priority for look in lanes.looks()] == [9, 4, 0, -3]


def test_what_was_taken_is_stepped_over() -> None:
    lanes, first, last = Lanes(), 10, 20
    lanes.add(LANE, first)
    (look,) = lanes.looks()
    lanes.advance(look, last)
    assert next(lanes.looks()).low == last


def test_work_added_during_a_claim_is_not_forgotten() -> None:
    lanes, first, second = Lanes(), 10, 20
    lanes.add(LANE, first)
    (look,) = lanes.looks()
    lanes.add(LANE, second)
    lanes.drop(look)
    assert len(lanes) == 1
    lanes.advance(look, 30)
    assert next(lanes.looks()).low < first


def test_an_older_row_moves_the_bound_back() -> None:
    lanes, older, newer = Lanes(), 10, 20
    lanes.add(LANE, newer)
    lanes.add(LANE, older)
    assert next(lanes.looks()).low < older


def test_a_full_scan_replaces_beliefs_but_not_newer_ones() -> None:
    lanes = Lanes()
    lanes.add(Lane("gone", 0))
    seen_at = lanes.stamp()
    lanes.add(Lane("brand-new", 0))
    lanes.replace([LANE], seen_at=seen_at)
    assert set(lanes.routes()) == {"any:shell", "brand-new"}

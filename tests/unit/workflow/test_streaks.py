"""Failures in a row are told once, and so is the end of it."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.store.watches import Streak
from tocsin_controller.workflow.alerts.streaks import count

STATUSES = ("succeeded", "failed", "timed_out", "lost", "cancelled", "skipped")


def test_the_third_failure_is_told_and_no_further_one() -> None:
    streak, told = Streak(), []
    for _ in range(5):
        counted = count(streak, "failed", 3)
        streak = counted.streak
        told.append(counted.is_failing)
    assert told == [False, False, True, False, False]


def test_only_a_told_streak_is_recovered_from() -> None:
    assert not count(Streak(2), "succeeded", 3).has_recovered
    assert count(Streak(3, is_told=True), "succeeded", 3).has_recovered
    assert count(Streak(3, is_told=True), "cancelled", 3).streak == Streak(3, is_told=True)


@given(st.lists(st.sampled_from(STATUSES)), st.integers(1, 5))
def test_alerts_and_recoveries_take_turns(statuses: list[str], threshold: int) -> None:
    streak, told, in_a_row = Streak(), [], 0
    for status in statuses:
        counted = count(streak, status, threshold)
        streak = counted.streak
        in_a_row = 0 if status == "succeeded" else in_a_row + (status in ("failed", "timed_out", "lost"))
        assert streak.failures == in_a_row
        assert streak.is_told == (in_a_row >= threshold)
        if counted.is_failing or counted.has_recovered:
            told.append(counted.is_failing)
    assert all(first != second for first, second in pairwise(told))
    assert not told or told[0]

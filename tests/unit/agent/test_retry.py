"""How long to wait between tries, and what is worth one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_agent.link import Refused, Unreachable
from tocsin_agent.retry import LONGEST_ASKED_PAUSE_SECS, Backoff, is_retryable, is_retryable_status


def longest(low: float, high: float) -> float:
    return high


def shortest(low: float, high: float) -> float:
    return low


def test_ceilings_double_up_to_the_last() -> None:
    backoff = Backoff(first_secs=0.5, ceiling_secs=5, uniform=longest)
    assert [backoff.next_pause_secs() for _ in range(6)] == [0.5, 1, 2, 4, 5, 5]


def test_pauses_reach_down_to_nothing_so_that_a_fleet_spreads_out() -> None:
    backoff = Backoff(uniform=shortest)
    assert [backoff.next_pause_secs() for _ in range(5)] == [0] * 5


@given(st.integers(0, 200))
def test_pauses_stay_below_the_ceiling(failures: int) -> None:
    backoff = Backoff()
    for _ in range(failures):
        backoff.next_pause_secs()
    assert 0 <= backoff.next_pause_secs() <= min(0.5 * 2**failures, 10)


def test_a_success_starts_over() -> None:
    backoff = Backoff(uniform=longest)
    for _ in range(4):
        backoff.next_pause_secs()
    assert backoff.failures == 4
    backoff.reset()
    assert backoff.failures == 0
    assert backoff.next_pause_secs() == 0.5


def test_what_the_controller_asks_for_is_the_least() -> None:
    assert Backoff(uniform=shortest).next_pause_secs(7) == 7
    assert Backoff(uniform=longest).next_pause_secs(7) == 7.5


def test_a_broken_answer_cannot_silence_an_agent_for_good() -> None:
    assert Backoff(uniform=shortest).next_pause_secs(1e9) == LONGEST_ASKED_PAUSE_SECS
    assert Backoff(uniform=shortest).next_pause_secs(-5) == 0


@pytest.mark.parametrize(("status", "worth_it"), [(429, True), (500, True), (503, True), (599, True),
                                                  (400, False), (401, False), (404, False), (409, False),
                                                  (413, False), (302, False)])  # fmt: skip
def test_only_overload_and_broken_servers_are_worth_another_try(status: int, worth_it: bool) -> None:
    assert is_retryable_status(status) is worth_it


def test_no_answer_is_worth_another_try_and_a_refusal_is_not() -> None:
    assert is_retryable(Unreachable())
    assert not is_retryable(Refused(400, "bad_request", "no"))

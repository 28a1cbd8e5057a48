"""Requests a minute: counted exactly enough, in bounded memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.api import limits
from tocsin_controller.api.limits import SLOT_SECS, WINDOW_SECS, RateLimits
from tocsin_controller.security.roles import Principal, Role
from tocsin_shared.ids import new_id


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time; set its only item."""
    now = [1000.0]
    monkeypatch.setattr("tocsin_controller.api.limits.time.monotonic", lambda: now[0])
    return now


def a(role: Role) -> Principal:
    return Principal(new_id(), "k", role)


def test_a_key_may_use_its_whole_minute_at_once_and_then_waits(clock: list[float]) -> None:
    rates = RateLimits(enabled=True, public=0, authenticated=3, agent=0)
    key = a(Role.VIEWER)
    assert [rates.take(key).headers["X-RateLimit-Remaining"] for _ in range(3)] == ["2", "1", "0"]
    refused = rates.take(key)
    assert refused.headers == {"X-RateLimit-Limit": "3", "X-RateLimit-Remaining": "0"}
    assert refused.retry_after_secs == WINDOW_SECS + SLOT_SECS
    clock[0] += refused.retry_after_secs
    assert rates.take(key).headers == {"X-RateLimit-Limit": "3", "X-RateLimit-Remaining": "2"}


@given(
    pauses=st.lists(st.floats(0, 200) | st.just(0.0), min_size=1, max_size=200),
    limit=st.integers(1, 20),
)
def test_no_sixty_seconds_have_more_than_the_limit_and_whoever_waits_as_told_gets_in(
    pauses: list[float], limit: int
) -> None:
    rates = RateLimits(enabled=True, public=limit, authenticated=0, agent=0)
    with pytest.MonkeyPatch.context() as patch:
        now = 12_345.0
        patch.setattr("tocsin_controller.api.limits.time.monotonic", lambda: now)
        let_in: list[float] = []
        for pause in pauses:
            now += pause
            answer = rates.take_public("10.0.0.1")
            if answer.retry_after_secs is None:
                let_in.append(now)
                assert sum(at > now - WINDOW_SECS for at in let_in) <= limit
                continue
            assert 0 < answer.retry_after_secs <= WINDOW_SECS + SLOT_SECS
            assert sum(at > now - WINDOW_SECS - SLOT_SECS for at in let_in) >= limit
            now += answer.retry_after_secs
            assert rates.take_public("10.0.0.1").retry_after_secs is None
            let_in.append(now)


def test_callers_do_not_share_a_limit(clock: list[float]) -> None:
    rates = RateLimits(enabled=True, public=1, authenticated=1, agent=1)
    answers = [
        rates.take(a(Role.VIEWER)),
        rates.take(a(Role.VIEWER)),
        rates.take_public("10.0.0.1"),
        rates.take_public("10.0.0.2"),
    ]
    assert [answer.retry_after_secs for answer in answers] == [None] * 4
    assert rates.take_public("10.0.0.2").retry_after_secs is not None


def test_a_network_of_ipv6_addresses_is_one_caller(clock: list[float]) -> None:
    rates = RateLimits(enabled=True, public=1, authenticated=1, agent=1)
    rates.take_public("2001:db8:0:1::1")
    assert rates.take_public("2001:db8:0:1:ffff::2").retry_after_secs is not None
    assert rates.take_public("2001:db8:0:2::1").retry_after_secs is None
    rates.take_public("::ffff:10.0.0.1")
    assert rates.take_public("::ffff:10.0.0.2").retry_after_secs is None


def test_zero_switches_a_tier_off(clock: list[float]) -> None:
    rates = RateLimits(enabled=True, public=1, authenticated=1, agent=0)
    agent = a(Role.AGENT)
    assert [rates.take(agent).headers for _ in range(100)] == [{}] * 100


def test_many_strangers_do_not_fill_the_memory(clock: list[float]) -> None:
    rates = RateLimits(enabled=True, public=1, authenticated=1, agent=1)
    for n in range(limits.CAPACITY + 100):
        rates.take_public(str(n))
    assert len(rates._windows) == limits.CAPACITY


def test_a_caller_cannot_shed_its_debt_by_making_others_forgotten(clock: list[float]) -> None:
    """Whoever called last is kept; the ones that were quiet longest go first."""
    rates = RateLimits(enabled=True, public=1, authenticated=1, agent=1)
    rates.take_public("me")
    for n in range(limits.CAPACITY - 1):
        rates.take_public(str(n))
    assert rates.take_public("me").retry_after_secs is not None
    rates.take_public("one more")
    assert rates.take_public("me").retry_after_secs is not None

import pytest

from tocsin_controller.api import limits
from tocsin_controller.api.limits import RateLimits
from tocsin_controller.security.roles import Principal, Role
from tocsin_shared.errors import TooManyRequests
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
    assert [rates.take(key)["X-RateLimit-Remaining"] for _ in range(3)] == ["2", "1", "0"]
    with pytest.raises(TooManyRequests) as refused:
        rates.take(key)
    assert refused.value.retry_after_secs == pytest.approx(20)
    clock[0] += 20
    assert rates.take(key) == {"X-RateLimit-Limit": "3", "X-RateLimit-Remaining": "0"}


def test_callers_do_not_share_a_bucket(clock: list[float]) -> None:
    rates = RateLimits(enabled=True, public=1, authenticated=1, agent=1)
    rates.take(a(Role.VIEWER))
    rates.take(a(Role.VIEWER))
    rates.take_public("10.0.0.1")
    rates.take_public("10.0.0.2")
    with pytest.raises(TooManyRequests):
        rates.take_public("10.0.0.2")


def test_zero_switches_a_tier_off(clock: list[float]) -> None:
    rates = RateLimits(enabled=True, public=1, authenticated=1, agent=0)
    agent = a(Role.AGENT)
    assert [rates.take(agent) for _ in range(100)] == [{}] * 100


def test_many_strangers_do_not_fill_the_memory(clock: list[float]) -> None:
    rates = RateLimits(enabled=True, public=1, authenticated=1, agent=1)
    for n in range(limits.CAPACITY + 100):
        rates.take_public(str(n))
    assert len(rates._buckets) == limits.CAPACITY


def test_a_caller_cannot_shed_its_debt_by_making_others_forgotten(clock: list[float]) -> None:
    """Whoever called last is kept; the ones that were quiet longest go first."""
    rates = RateLimits(enabled=True, public=1, authenticated=1, agent=1)
    rates.take_public("me")
    for n in range(limits.CAPACITY - 1):
        rates.take_public(str(n))
    with pytest.raises(TooManyRequests):
        rates.take_public("me")
    rates.take_public("one more")
    with pytest.raises(TooManyRequests):
        rates.take_public("me")

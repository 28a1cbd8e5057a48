"""What may still be started after it was on its way."""

from tocsin_agent.freshness import LEAST_PATIENCE_SECS, Freshness


def test_half_a_heartbeat_is_waited_for() -> None:
    freshness = Freshness()
    freshness.set_pace(10)
    assert freshness.accepts(5.0)
    assert not freshness.accepts(5.1)


def test_quick_heartbeats_leave_time_for_an_answer() -> None:
    freshness = Freshness()
    freshness.set_pace(0.1)
    assert freshness.accepts(LEAST_PATIENCE_SECS)
    assert not freshness.accepts(LEAST_PATIENCE_SECS + 0.1)


def test_a_network_that_is_always_slow_gets_its_work_in_the_end() -> None:
    freshness = Freshness()
    freshness.set_pace(10)
    assert [freshness.accepts(30.0) for _ in range(4)] == [False, False, False, True]
    assert not freshness.accepts(30.0)  # it was quick enough once; the patience is the usual again


def test_what_comes_sooner_than_can_be_is_fresh() -> None:
    assert Freshness().accepts(-3.0)

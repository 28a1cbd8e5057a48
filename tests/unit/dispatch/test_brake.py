"""When silence says more about the network than about the agents."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tocsin_controller.dispatch.brake import BrakePace, Sweep, decide
from tocsin_controller.store.brake import BrakeState, FleetFacts

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PACE = BrakePace(lease_secs=45, grace_secs=300)


def facts(**more: Any) -> FleetFacts:
    calm = FleetFacts(
        now=NOW,
        swept_at=NOW - timedelta(seconds=1),
        state=BrakeState(),
        epoch=0,
        silent=0,
        alive=10,
        is_in_use=True,
    )
    return replace(calm, **more)


def later(sweep: Sweep, secs: float, **more: Any) -> FleetFacts:
    now = NOW + timedelta(seconds=secs)
    return facts(now=now, swept_at=now - timedelta(seconds=1), state=sweep.state, **more)


def test_in_calm_everything_is_judged() -> None:
    sweep = decide(facts(), PACE)
    assert (sweep.may_lose, sweep.may_mark_silent, sweep.began) == (True, True, None)


@pytest.mark.parametrize(
    ("silent", "alive", "is_braked"),
    [(2, 0, False), (3, 0, True), (3, 3, False), (4, 3, True), (60, 40, True), (50, 50, False)],
)
def test_more_than_half_and_at_least_three_put_it_on(silent: int, alive: int, is_braked: bool) -> None:
    assert decide(facts(silent=silent, alive=alive), PACE).may_lose is not is_braked


def test_agents_are_still_shown_as_offline() -> None:
    sweep = decide(facts(silent=6, alive=4), PACE)
    assert (sweep.may_lose, sweep.may_mark_silent) == (False, True)
    assert sweep.began == "6 of 10 agents fell silent together"


def test_an_incident_is_told_once_and_its_end_once() -> None:
    first = decide(facts(silent=6, alive=4), PACE)
    again = decide(later(first, 1, silent=6, alive=4), PACE)
    assert (again.began, again.ended, again.may_lose) == (None, None, False)
    over = decide(later(again, 302, alive=4), PACE)
    assert (over.ended, over.may_lose) == ("4 agents are online", True)
    calm = decide(later(over, 303, alive=4), PACE)
    assert (calm.began, calm.ended) == (None, None)


def test_the_grace_counts_from_the_last_of_the_silence() -> None:
    first = decide(facts(silent=6, alive=4), PACE)
    second = decide(later(first, 20, silent=8, alive=2), PACE)
    assert not decide(later(second, 310, alive=2), PACE).may_lose
    assert decide(later(second, 320, alive=2), PACE).may_lose


def test_an_outage_of_the_service_puts_it_on_and_gives_agents_a_lease_to_report() -> None:
    sweep = decide(facts(swept_at=NOW - timedelta(seconds=30), alive=0), PACE)
    assert sweep.began == "controllers or database were away for 30 s"
    assert (sweep.may_lose, sweep.may_mark_silent, sweep.is_back) == (False, False, True)
    assert not decide(later(sweep, 44), PACE).may_mark_silent
    assert decide(later(sweep, 45), PACE).may_mark_silent


def test_a_restart_shorter_than_half_a_lease_changes_nothing() -> None:
    sweep = decide(facts(swept_at=NOW - timedelta(seconds=22)), PACE)
    assert (sweep.may_lose, sweep.may_mark_silent) == (True, True)


def test_a_short_lease_does_not_make_every_sweep_the_end_of_an_outage() -> None:
    hasty = BrakePace(lease_secs=1, grace_secs=300)
    assert decide(facts(swept_at=NOW - timedelta(seconds=1.2)), hasty).may_lose


def test_an_outage_with_nothing_at_stake_is_not_told() -> None:
    sweep = decide(facts(swept_at=NOW - timedelta(days=1), alive=0, is_in_use=False), PACE)
    assert (sweep.may_lose, sweep.began) == (False, None)
    over = decide(later(sweep, 301, is_in_use=False), PACE)
    assert (over.may_lose, over.ended) == (True, None)


def test_the_first_sweep_ever_is_not_the_end_of_an_outage() -> None:
    assert decide(facts(swept_at=None), PACE).may_lose


def test_it_comes_off_although_the_databases_clock_was_set_back() -> None:
    on = decide(facts(silent=6, alive=4), PACE)
    back = decide(later(on, -3600, alive=10), PACE)
    assert back.state.held_until == NOW - timedelta(seconds=3300)
    assert back.may_mark_silent


def test_a_grace_of_zero_leaves_it_off() -> None:
    off = BrakePace(lease_secs=45, grace_secs=0)
    assert decide(facts(silent=10, alive=0), off).may_lose
    away = decide(facts(swept_at=NOW - timedelta(hours=1)), off)
    assert (away.may_lose, away.began, away.may_mark_silent) == (True, None, False)

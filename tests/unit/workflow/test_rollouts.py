"""Batches, and what comes next: a rollout played through without a database."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tocsin_controller.workflow.rollouts.planning import RolloutState, batch_numbers, plan
from tocsin_controller.workflow.rollouts.stepping import (
    GiveUp,
    Pause,
    Release,
    RolloutFacts,
    Step,
    Stop,
    next_step,
)
from tocsin_shared.rollouts import Rollout

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def rollout(**parts: Any) -> Rollout:
    return Rollout.model_validate(parts)


@pytest.mark.parametrize(
    ("parts", "hosts", "sizes"),
    [
        ({}, 5, (5,)),
        ({"batch": 2}, 5, (2, 2, 1)),
        ({"batch": "25%"}, 10, (3, 3, 3, 1)),
        ({"batch": "1%"}, 3, (1, 1, 1)),
        ({"canary": 1}, 5, (1, 4)),
        ({"canary": 2, "batch": 2}, 5, (2, 2, 1)),
        ({"canary": 9}, 5, (5,)),
    ],
)
def test_hosts_fall_into_batches(parts: dict[str, Any], hosts: int, sizes: tuple[int, ...]) -> None:
    assert plan(rollout(**parts), reachable=hosts, away=0).sizes == sizes


def test_shares_are_of_all_hosts_with_those_that_are_away() -> None:
    state = plan(rollout(batch="50%", quorum="75%", wait_offline_secs=60), reachable=4, away=4)
    assert (state.sizes, state.late, state.quorum) == ((4,), 4, 6)
    assert plan(rollout(batch="50%", quorum=3), reachable=4, away=4).late == 0


@pytest.mark.parametrize("wrong", [0, -1, "0%", "101%", "a%", "5", 1.5, True, 10**9])
def test_a_share_is_a_number_of_hosts_or_a_percentage(wrong: Any) -> None:
    with pytest.raises(ValidationError, match="must be a number of hosts"):
        rollout(batch=wrong)


shares = st.one_of(st.none(), st.integers(1, 30), st.integers(1, 100).map(lambda n: f"{n}%"))
rollouts = st.builds(
    lambda canary, batch, delay, stop, wait: rollout(
        canary=canary, batch=batch, delay_secs=delay, stop_after_failures=stop, wait_offline_secs=wait
    ),
    st.one_of(st.none(), st.integers(1, 5)),
    shares,
    st.sampled_from([0, 30]),
    st.one_of(st.none(), st.integers(1, 5)),
    st.one_of(st.none(), st.just(100)),
)


@given(rollouts, st.integers(0, 60), st.integers(0, 20))
def test_every_host_is_in_exactly_one_batch(aim: Rollout, there: int, away: int) -> None:
    state = plan(aim, reachable=there, away=away)
    assert len(batch_numbers(state)) == sum(state.sizes) == there
    assert all(state.sizes)
    assert RolloutState.from_json(state.as_json()) == state


@dataclass
class World:
    """A rollout of so many hosts, of which some fail; plays what the driver does, one step at a time."""

    aim: Rollout
    there: int
    away: int
    failing: frozenset[int]
    comes_back: bool
    now: datetime = NOW
    steps: list[Step] = field(default_factory=list)
    ended: set[int] = field(default_factory=set)
    skipped: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        state = plan(self.aim, reachable=self.there, away=self.away)
        wait = self.aim.wait_offline_secs
        self.state = replace(state, waits_until=(NOW + timedelta(seconds=wait)).isoformat() if wait else None)
        late = [state.late_batch] * state.late
        self.batches = dict(enumerate([*batch_numbers(state), *late]))

    def facts(self) -> RolloutFacts:
        left = {host: b for host, b in self.batches.items() if host not in self.ended | self.skipped}
        return RolloutFacts(
            state=self.state,
            now=self.now,
            open=len(left),
            held=sum(b > self.state.released for b in left.values()),
            late=sum(b == self.state.late_batch for b in left.values()),
            failures=len(self.failing & self.ended),
        )

    def run_everything_released(self) -> bool:
        """Hosts whose batch has begun end their work; those away only if they come back."""
        begun = {
            host
            for host, batch in self.batches.items()
            if batch <= self.state.released
            and host not in self.skipped
            and (self.comes_back or batch < self.state.late_batch)
        }
        has_ended = bool(begun - self.ended)
        self.ended |= begun
        return has_ended

    def play(self) -> None:
        for _ in range(1_000):
            step = next_step(self.aim, self.facts())
            if step is None:
                if not self.run_everything_released():
                    if len(self.ended | self.skipped) == len(self.batches):
                        return
                    self.now += timedelta(seconds=10)  # nothing moves but the clock
                continue
            self.steps.append(step)
            self._take(step)
        raise AssertionError("the rollout never ends")

    def _take(self, step: Step) -> None:
        match step:
            case Release(batch):
                assert batch == self.state.released + 1
                self.state = replace(self.state, released=batch, next_at=None)
            case Pause(until):
                self.state = replace(self.state, next_at=until.isoformat())
            case Stop(why):
                self.state = replace(self.state, stopped=why)
                self.skipped |= {h for h in self.batches if h not in self.ended}
            case GiveUp():
                late = {h for h, b in self.batches.items() if b == self.state.late_batch}
                self.skipped |= late - self.ended
                self.state = replace(self.state, waits_until=None)


worlds = st.builds(
    World,
    rollouts,
    st.integers(1, 20),
    st.integers(0, 6),
    st.frozensets(st.integers(0, 25), max_size=6),
    st.booleans(),
)


@given(worlds)
def test_a_rollout_always_ends_with_every_host_accounted_for(world: World) -> None:
    world.play()
    assert world.ended | world.skipped == set(world.batches)
    assert not world.ended & world.skipped


@given(worlds)
def test_without_failures_every_host_that_is_there_runs(world: World) -> None:
    world.failing = frozenset()
    world.play()
    assert set(range(world.there)) <= world.ended
    assert not any(isinstance(step, Stop) for step in world.steps)


@given(worlds)
def test_nothing_begins_after_a_stop(world: World) -> None:
    world.play()
    stops = [n for n, step in enumerate(world.steps) if isinstance(step, Stop)]
    assert not any(
        isinstance(step, Release) for step in world.steps[stops[0] if stops else len(world.steps) :]
    )


def played(
    there: int, *, away: int = 0, failing: set[int] | None = None, back: bool = False, **parts: Any
) -> World:
    world = World(rollout(**parts), there, away, frozenset(failing or ()), back)
    world.play()
    return world


def test_a_failed_canary_stops_the_rollout() -> None:
    world = played(5, failing={0}, canary=1)
    assert world.steps == [Stop("a canary failed")]
    assert world.skipped == {1, 2, 3, 4}


def test_a_failure_after_the_canaries_does_not_stop_it_by_itself() -> None:
    assert played(5, failing={3}, canary=1, batch=2).steps == [Release(2), Release(3)]


def test_it_stops_after_so_many_failures() -> None:
    world = played(6, failing={0, 1, 2}, batch=2, stop_after_failures=2)
    assert world.steps == [Stop("2 hosts failed; stop_after_failures is 2")]
    assert world.ended == {0, 1}


def test_there_is_a_delay_between_batches() -> None:
    world = played(4, batch=2, delay_secs=30)
    assert world.steps == [Pause(NOW + timedelta(seconds=30)), Release(2)]
    assert world.now >= NOW + timedelta(seconds=30)


def test_hosts_that_come_back_run_last() -> None:
    world = played(2, away=1, back=True, batch=1, wait_offline_secs=60)
    assert world.steps == [Release(2), Release(3)]
    assert world.ended == {0, 1, 2}


def test_hosts_that_do_not_come_back_are_given_up() -> None:
    world = played(1, away=1, wait_offline_secs=60)
    assert world.steps == [Release(2), GiveUp()]
    assert world.skipped == {1}


def test_with_nobody_there_those_away_are_waited_for_at_once() -> None:
    assert played(1, away=0).steps == []
    world = World(rollout(wait_offline_secs=60), 0, 2, frozenset(), comes_back=True)
    world.play()
    assert (world.steps, world.ended) == ([], {0, 1})

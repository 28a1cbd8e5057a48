"""What comes next in a rollout. Pure: facts in, one step out; whoever takes the step asks again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin_controller.workflow.rollouts.planning import RolloutState
from tocsin_shared.rollouts import Rollout


@dataclass(frozen=True, slots=True)
class RolloutFacts:
    """How a rollout stands, while its run is locked."""

    state: RolloutState
    #: By the database's clock.
    now: datetime
    #: Hosts whose work has not ended, those that have not begun included.
    open: int
    #: Of those, the ones whose batch has not begun.
    held: int
    #: Of those that are waited for, the ones that have not ended.
    late: int
    #: Hosts whose work failed, timed out or was lost.
    failures: int


@dataclass(frozen=True, slots=True)
class Release:
    """Begin the next batch."""

    batch: int


@dataclass(frozen=True, slots=True)
class Pause:
    """The batch has ended; the next one begins then."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Stop:
    """No further batch begins; what waits is skipped."""

    why: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Hosts that are still away are not waited for any longer."""


Step = Release | Pause | Stop | GiveUp


def next_step(rollout: Rollout, facts: RolloutFacts) -> Step | None:
    """The next thing to do; None while there is nothing but to wait."""
    state = facts.state
    if not facts.held and not facts.late:
        return None
    if why := state.stopped or _why_stop(rollout, facts):
        return Stop(why)
    if facts.late and state.waits_until and facts.now >= datetime.fromisoformat(state.waits_until):
        return GiveUp()
    if not facts.held or facts.open > facts.held:
        return None
    if rollout.delay_secs and state.released:
        if state.next_at is None:
            return Pause(facts.now + timedelta(seconds=rollout.delay_secs))
        if facts.now < datetime.fromisoformat(state.next_at):
            return None
    return Release(state.released + 1)


def _why_stop(rollout: Rollout, facts: RolloutFacts) -> str | None:
    if facts.state.has_canary and facts.state.released == 1 and facts.failures:
        return "a canary failed"
    limit = rollout.stop_after_failures
    if limit is not None and facts.failures >= limit:
        hosts = "1 host" if facts.failures == 1 else f"{facts.failures} hosts"
        return f"{hosts} failed; stop_after_failures is {limit}"
    return None

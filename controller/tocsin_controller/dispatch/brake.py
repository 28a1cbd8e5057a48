"""The brake: when a large part of the fleet falls silent at once, or the service itself was away, it is more likely
that nobody could report than that everything died. Then nothing is declared lost for a while. Pure.

The state lives in the database, so it holds for every controller and outlives each of them.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tocsin_controller.store.brake import BrakeState, FleetFacts
from tocsin_controller.workflow.losing import longest_gap_secs

#: Fewer agents than this falling silent together say nothing about the rest.
LEAST_SILENT: Final = 3


@dataclass(frozen=True, slots=True)
class BrakePace:
    """What the rules depend on, in seconds."""

    lease_secs: float = 45.0
    #: How long nothing is declared lost; 0 takes the brake off for good.
    grace_secs: float = 300.0


@dataclass(frozen=True, slots=True)
class Sweep:
    """What follows from one look at the fleet."""

    state: BrakeState
    #: Executions may be declared lost.
    may_lose: bool
    #: Agents may be shown as offline: they had time to report since the service was away.
    may_mark_silent: bool
    #: The service was away until now.
    is_back: bool = False
    #: An incident began: to be told once.
    began: str | None = None
    #: An incident is over: to be told once.
    ended: str | None = None


def decide(facts: FleetFacts, pace: BrakePace) -> Sweep:
    """Whether the brake goes on, stays on, or comes off."""
    state = facts.state
    grace = timedelta(seconds=pace.grace_secs)
    away = _away(facts, pace)
    if away is not None:
        state = replace(state, resumed_at=facts.now)
    why = away or _mass_silence(facts)
    began: str | None = None
    ended: str | None = None
    if why is not None and pace.grace_secs > 0:
        is_new = state.held_until is None
        if facts.is_in_use and state.why is None:
            began = why
        state = replace(
            state,
            held_until=max(state.held_until or facts.now, facts.now + grace),
            held_since=facts.now if is_new else state.held_since,
            why=state.why or began,
        )
    if state.held_until is not None:
        # Not for ever, even when the database's clock was set back.
        held_until = min(state.held_until, facts.now + grace)
        if held_until <= facts.now:
            if state.why is not None:
                ended = f"{facts.alive} agents are online"
            state = BrakeState(resumed_at=state.resumed_at)
        else:
            state = replace(state, held_until=held_until)
    return Sweep(
        state=state,
        may_lose=state.held_until is None,
        may_mark_silent=_had_time(state.resumed_at, facts.now, pace),
        is_back=away is not None,
        began=began,
        ended=ended,
    )


def _away(facts: FleetFacts, pace: BrakePace) -> str | None:
    """Nobody looked for more than half a lease: all controllers, or the database, were away."""
    if facts.swept_at is None:
        return None
    gap_secs = (facts.now - facts.swept_at).total_seconds()
    if gap_secs <= longest_gap_secs(pace.lease_secs):
        return None
    return f"controllers or database were away for {gap_secs:.0f} s"


def _mass_silence(facts: FleetFacts) -> str | None:
    """More than half of those that were there fell silent within a lease."""
    there = facts.silent + facts.alive
    if facts.silent < LEAST_SILENT or 2 * facts.silent <= there:
        return None
    return f"{facts.silent} of {there} agents fell silent together"


def _had_time(resumed_at: datetime | None, now: datetime, pace: BrakePace) -> bool:
    """Whether a whole lease has passed since the service came back, or the clock was set back."""
    if resumed_at is None or resumed_at > now:
        return True
    return now - resumed_at >= timedelta(seconds=pace.lease_secs)

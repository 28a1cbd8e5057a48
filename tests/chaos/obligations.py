"""What the acknowledged calls oblige the product to: which instants of each job are owed, possible or forbidden.

A call that was refused changes nothing. While a call is under way, and for good after one whose outcome nobody
knows, both what was before and what was asked for may hold: such instants are possible, not owed.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from tests.chaos.history import SECOND_NS, History, Operation
from tests.chaos.oracle import due_instants

_CHANGES = frozenset({"create_job", "update_job", "pause_job", "resume_job", "delete_job"})


@dataclass(frozen=True, slots=True)
class State:
    """A job as it may have been in some stretch of time; without a definition it does not exist."""

    #: As JSON, so that states can be compared and kept in sets.
    definition: str | None
    is_active: bool


_ABSENT = State(None, is_active=False)


@dataclass(frozen=True, slots=True)
class Stretch:
    """From one acknowledged moment to another: all states that are possible in it. One state is certainty."""

    began_ns: int
    ended_ns: int
    states: tuple[State, ...]


@dataclass(frozen=True, slots=True)
class Duties:
    """Of one job."""

    job: str
    #: Due instants that must have a run or a recorded skip.
    owed: tuple[int, ...]
    #: Due instants at which a run is legitimate; `owed` is part of it.
    possible: frozenset[int]
    #: Certainly paused or absent, from when to when.
    silent: tuple[tuple[int, int], ...]
    #: The definition last known, for policies.
    definition: dict[str, Any] | None


def duties(history: History) -> dict[str, Duties]:
    """By job name."""
    operations: dict[str, list[Operation]] = defaultdict(list)
    for operation in sorted(history.operations, key=lambda o: o.invoked_ns):
        if operation.job is not None and operation.kind in _CHANGES:
            operations[operation.job].append(operation)
    return {
        job: _duties(job, stretches(ops, history.meta.read_ns), history) for job, ops in operations.items()
    }


def stretches(operations: list[Operation], until_ns: int) -> list[Stretch]:
    """The life of a job, told by its calls in order."""
    found: list[Stretch] = []
    states: tuple[State, ...] = (_ABSENT,)
    since = 0
    for operation in operations:
        if operation.outcome == "fail":
            continue
        after = tuple(dict.fromkeys(_applied(operation, state) for state in states))
        found.append(Stretch(since, operation.invoked_ns, states))
        if operation.outcome == "info":
            states = tuple(dict.fromkeys((*states, *after)))
            since = operation.invoked_ns
            continue
        found.append(
            Stretch(operation.invoked_ns, operation.answered_ns, tuple(dict.fromkeys((*states, *after))))
        )
        states, since = after, operation.answered_ns
    found.append(Stretch(since, until_ns, states))
    return [stretch for stretch in found if stretch.ended_ns > stretch.began_ns]


def _applied(operation: Operation, state: State) -> State:
    match operation.kind:
        case "create_job":
            return State(json.dumps(operation.definition), is_active=True)
        case "update_job":
            return State(json.dumps(operation.definition), is_active=state.is_active)
        case "pause_job":
            return State(state.definition, is_active=False)
        case "resume_job":
            return State(state.definition, is_active=True)
        case _:
            return _ABSENT


def _duties(job: str, life: list[Stretch], history: History) -> Duties:
    ahead_ns = round(history.meta.database_ahead_secs * SECOND_NS)
    # What is late when its job is deleted goes with it.
    patience_ns = round((history.meta.lateness_secs + history.meta.slack_secs) * SECOND_NS)
    owed: list[int] = []
    possible: set[int] = set()
    silent: list[tuple[int, int]] = []
    definition: dict[str, Any] | None = None
    for stretch, following in zip_longest(life, life[1:]):
        known = [(json.loads(s.definition), s.is_active) for s in stretch.states if s.definition is not None]
        active = [one for one, is_active in known if is_active]
        definition = known[-1][0] if known else definition
        if not active:
            silent.append((stretch.began_ns, stretch.ended_ns))
            continue
        if stretch.began_ns == 0:
            continue
        behind_ns = 0 if history.meta.is_database_jumping else ahead_ns
        due = [
            due_instants(one, stretch.began_ns + behind_ns - 1, stretch.ended_ns + ahead_ns) for one in active
        ]
        possible.update(*due)
        if len(stretch.states) == 1 and not history.meta.is_database_jumping:
            until = stretch.ended_ns + ahead_ns
            if following is not None and _ABSENT in following.states:
                until -= patience_ns
            owed.extend(nominal for nominal in due[0] if nominal < until)
    return Duties(job, tuple(owed), frozenset(possible), tuple(silent), definition)

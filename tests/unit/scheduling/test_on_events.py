"""Which events start a job, and which chains are stopped."""

from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tocsin_controller.scheduling.on_events import LONGEST_CHAIN, MOST_RUNS, is_meant, like_of, why_stop
from tocsin_controller.store.event_triggers import EventSource
from tocsin_controller.workflow.causes import MOST_LINKS, Parent, trigger_of
from tocsin_shared.event_schedules import EventMatch
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobDefinition

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def job(name_filter: str | None = None, **more: Any) -> JobDefinition:
    match = {"kind_pattern": "*", "job_name_filter": name_filter}
    return JobDefinition.model_validate(
        {"name": "j", "task": {"type": "noop"}, "schedule": {"type": "event", "value": match}, **more}
    )


def event(message: str = "Job 'Backup' failed", job_name: str | None = "Backup") -> EventSource:
    return EventSource(new_id(), "execution.completed", "error", message, AT, job_name, None, None, None)


@pytest.mark.parametrize("pattern", ["execution.completed", "execution.*", "exec*", "*", "a_b", "a-b.*"])
def test_kinds_and_beginnings_of_kinds_are_patterns(pattern: str) -> None:
    assert EventMatch(kind_pattern=pattern).kind_pattern == pattern


@pytest.mark.parametrize("pattern", ["", "*.completed", "a*b", "a%", "a b", "**"])
def test_other_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(ValidationError):
        EventMatch(kind_pattern=pattern)


def like(pattern: str, text: str) -> bool:
    """LIKE, as SQL has it."""
    plain = pattern.replace("\\%", "%").replace("\\_", "_").replace("\\\\", "\\")
    return text.startswith(plain[:-1]) if pattern.endswith("%") else text == plain


kinds = st.text("ab._", min_size=1, max_size=6)


@given(kinds, kinds, st.booleans())
def test_a_pattern_is_the_beginning_of_a_kind_or_the_kind(pattern: str, kind: str, is_open: bool) -> None:
    written = pattern + "*" * is_open
    assert like(like_of(written), kind) == fnmatchcase(kind, written)


def test_the_name_filter_looks_at_the_job_and_at_the_message() -> None:
    assert is_meant(job(), event())
    assert is_meant(job("BACK"), event())
    assert is_meant(job("failed"), event(job_name=None))
    assert not is_meant(job("report"), event())


def test_events_outside_the_window_start_nothing() -> None:
    hour = timedelta(hours=1)
    assert is_meant(job(starts_at=AT.isoformat(), expires_at=AT.isoformat()), event())
    assert not is_meant(job(starts_at=(AT + hour).isoformat()), event())
    assert not is_meant(job(expires_at=(AT - hour).isoformat()), event())


def chain_of(jobs: list[Any]) -> dict[str, Any]:
    trigger = trigger_of("api")
    for one in jobs:
        trigger = trigger_of("event", Parent(one, new_id(), trigger))
    return trigger


@given(st.integers(1, 6), st.integers(1, 10))
def test_every_ring_of_jobs_is_stopped(ring: int, limit: int) -> None:
    jobs = [new_id() for _ in range(ring)]
    started: list[UUID] = []
    for number in range(1000):
        trigger = chain_of(started)
        if why_stop(trigger, jobs[number % ring], len(started), limit) is not None:
            break
        started.append(jobs[number % ring])
    is_remembered = limit * ring <= MOST_LINKS
    assert len(started) == (limit * ring if is_remembered else LONGEST_CHAIN)


def test_a_ring_longer_than_what_is_remembered_is_stopped_by_its_length() -> None:
    jobs = [new_id() for _ in range(50)]
    assert why_stop(chain_of(jobs * 2), jobs[0], 0, 10) is not None


def test_a_loop_that_branches_is_stopped_by_the_number_of_runs() -> None:
    first, second = new_id(), new_id()
    trigger = chain_of([first])
    assert why_stop(trigger, first, MOST_RUNS - 1, 10) is None
    assert why_stop(trigger, first, MOST_RUNS, 10) is not None
    assert why_stop(trigger, second, MOST_RUNS, 10) is None, "it has not run yet"

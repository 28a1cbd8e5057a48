"""Whether what a job waits for has happened, and what a completed set is called."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.store.dependencies import Awaited
from tocsin_controller.workflow.dependencies import cause_of, missing, why_not
from tocsin_shared.dependencies import Condition, is_met
from tocsin_shared.executions import RunStatus
from tocsin_shared.ids import new_id

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def awaited(status: RunStatus | None = RunStatus.SUCCEEDED, **more: Any) -> Awaited:
    """A dependency on `extract`, which ended a minute ago."""
    ended = NOW - timedelta(minutes=1) if status is not None and status.is_final else None
    known: dict[str, Any] = {
        "job_id": new_id(),
        "job_name": "extract",
        "condition": Condition.SUCCESS,
        "within_secs": None,
        "run_id": None if status is None else new_id(),
        "status": status,
        "finished_at": ended,
        "now": NOW,
    }
    return Awaited(**{**known, **more})


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (awaited(), None),
        (awaited(None), "'extract' has not run"),
        (awaited(RunStatus.RUNNING), "'extract' is running"),
        (awaited(RunStatus.RUNNING, condition=Condition.ALWAYS), "'extract' is running"),
        (awaited(RunStatus.LOST), "'extract' was lost, which is not success"),
        (awaited(RunStatus.LOST, condition=Condition.FAILURE), None),
        (
            awaited(RunStatus.CANCELLED, condition=Condition.FAILURE),
            "'extract' was cancelled, which is not failure",
        ),
        (awaited(RunStatus.CANCELLED, condition=Condition.ALWAYS), None),
        (awaited(within_secs=60), None),
        (awaited(within_secs=59), "'extract' ended 60 s ago, longer than within_secs=59"),
    ],
)
def test_a_dependency_is_satisfied_or_says_why_not(one: Awaited, why: str | None) -> None:
    assert why_not(one) == why


@given(st.sampled_from(RunStatus), st.sampled_from(Condition))
def test_always_takes_every_end_and_the_others_never_the_same(
    status: RunStatus, condition: Condition
) -> None:
    assert is_met(Condition.ALWAYS, status) == status.is_final
    assert not (is_met(Condition.SUCCESS, status) and is_met(Condition.FAILURE, status))
    if not status.is_final:
        assert not is_met(condition, status)


def test_what_is_missing_is_told_in_one_bounded_sentence() -> None:
    assert missing([awaited(), awaited()]) is None
    assert missing([awaited(), awaited(None)]) == "'extract' has not run"
    assert (missing([awaited(None)] * 1000) or "").endswith("; 'extract' has not run and 995 more")


@given(st.lists(st.uuids(), min_size=1, max_size=20, unique=True), st.randoms())
def test_a_set_is_called_the_same_whoever_names_it_and_others_differently(
    runs: list[UUID], random: Random
) -> None:
    shuffled = list(runs)
    random.shuffle(shuffled)
    assert cause_of(shuffled) == cause_of(runs)
    assert cause_of([*runs[1:], new_id()]) != cause_of(runs)

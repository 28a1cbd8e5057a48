"""What an edit sends."""

import doctest

import pytest

import tocsin_cli.job_diff
from tocsin_cli.job_diff import NotRemovable, changes, editable

JOB = {
    "name": "a",
    "status": "scheduled",
    "task": {"type": "shell", "command": "true"},
    "schedule": {"type": "on_demand"},
    "timeout_secs": 60,
    "priority": 5,
}


def test_nothing_changed_sends_nothing() -> None:
    assert changes(JOB, dict(JOB)) == {}


def test_only_what_differs_is_sent_and_nested_parts_as_a_whole() -> None:
    task = {"type": "shell", "command": "false"}
    assert changes(JOB, {**JOB, "priority": 7, "task": task}) == {"priority": 7, "task": task}


def test_a_new_key_is_sent() -> None:
    assert changes(JOB, {**JOB, "retry_max": 2}) == {"retry_max": 2}


def test_a_removed_key_goes_back_to_its_default() -> None:
    after = {key: value for key, value in JOB.items() if key not in ("timeout_secs", "priority")}
    assert changes(JOB, after) == {"timeout_secs": None, "priority": 0}


def test_removing_what_is_at_its_default_changes_nothing() -> None:
    assert changes({**JOB, "retry_max": 0, "timezone": None}, JOB) == {}


@pytest.mark.parametrize("key", ["name", "task", "schedule", "status"])
def test_what_every_job_has_cannot_be_removed(key: str) -> None:
    with pytest.raises(NotRemovable, match=key):
        changes(JOB, {k: v for k, v in JOB.items() if k != key})


def test_one_is_not_true() -> None:
    assert changes({**JOB, "x": {"y": [1]}}, {**JOB, "x": {"y": [True]}}) == {"x": {"y": [True]}}


def test_people_edit_what_they_decide() -> None:
    job = {**JOB, "id": "x", "version": 3, "updated_at": "now"}
    assert editable(job) == JOB


def test_the_example_is_true() -> None:
    assert doctest.testmod(tocsin_cli.job_diff).failed == 0

"""Jobs as people write them: what is refused, by name, and what is forgiven."""

from typing import Any

import pytest
from pydantic import ValidationError

from tocsin_shared.jobs import JobCreate, JobDefinition, JobUpdate


def job(**more: Any) -> dict[str, Any]:
    return {"name": "j", "task": {"type": "shell", "command": "true"}, "schedule": "on_demand", **more}


def refused(body: dict[str, Any]) -> set[str]:
    """The fields that are named when the body is refused."""
    with pytest.raises(ValidationError) as caught:
        JobCreate.model_validate(body)
    return {".".join(str(part) for part in error["loc"]) for error in caught.value.errors()}


def test_a_small_job_gets_the_documented_defaults() -> None:
    created = JobCreate.model_validate(job())
    assert (created.group, created.retry_backoff, created.queue_timeout_secs) == ("Default", 1.0, 300)
    assert created.schedule.type == "on_demand"


@pytest.mark.parametrize(
    "alias", ["on_demand", "manual", {"type": "manual"}, {"type": "on_demand", "value": None}]
)
def test_every_way_to_say_on_demand_is_understood(alias: Any) -> None:
    assert JobCreate.model_validate(job(schedule=alias)).schedule.type == "on_demand"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"retrys": 1}, "retrys"),
        ({"name": ""}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"timeout_secs": -1}, "timeout_secs"),
        ({"timeout_secs": 0}, "timeout_secs"),
        ({"retry_backoff": float("nan")}, "retry_backoff"),
        ({"schedule": {"type": "interval", "value": {"interval_secs": 0}}}, "schedule.interval.value.interval_secs"),
        ({"schedule": {"type": "one_shot", "value": "2026-01-01T00:00:00"}}, "schedule.one_shot.value"),
        ({"schedule": {"type": "someday"}}, "schedule"),
        ({"task": {"type": "shell"}}, "task.shell.command"),
        ({"task": {"type": "shell", "command": "x", "cwd": "/"}}, "task.shell.cwd"),
        ({"task": {"type": "http", "method": "get", "url": "ftp://x"}}, "task.http.url"),
        ({"task": {"type": "http", "method": "get", "url": "http://x", "headers": {"A": "b\r\nC: d"}}},
         "task.http.headers.A"),
        ({"target": {"type": "tagged"}}, "target.tagged"),
        ({"run_as": "root; rm -rf /"}, "run_as"),
        ({"expires_at": "9999-12-31T23:59:59-05:00"}, "expires_at"),
        ({"depends_on": [{"job_id": "x", "condition": "maybe"}]}, "depends_on.0.condition"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(wrong: dict[str, Any], field: str) -> None:
    assert field in refused(job(**wrong))


def test_a_fetched_job_can_be_sent_back() -> None:
    fetched = job(
        id="x", version=3, next_fire_time=None, depends_on=[], notifications=None, approval_required=False
    )
    assert JobCreate.model_validate(fetched).name == "j"


def test_methods_of_any_case_become_lower() -> None:
    task = {"type": "http", "method": "PoSt", "url": "https://example.org"}
    assert JobCreate.model_validate(job(task=task)).model_dump()["task"]["method"] == "post"


def stored(**more: Any) -> JobDefinition:
    return JobDefinition.model_validate(job(timeout_secs=5, retry_max=2, **more))


def test_null_clears_what_may_be_absent_and_nothing_else() -> None:
    changed = JobUpdate.model_validate({"timeout_secs": None, "retry_max": None}).merged_over(stored())
    assert (changed.timeout_secs, changed.retry_max) == (None, 2)


def test_what_is_not_sent_stays() -> None:
    assert JobUpdate.model_validate({"priority": 7}).merged_over(stored()).timeout_secs == 5


def test_the_merged_whole_is_checked_again() -> None:
    with pytest.raises(ValidationError):
        JobUpdate.model_validate({"retry_max": 5_000}).merged_over(stored())


def test_unset_optional_keys_appear_as_the_shared_api_shows_them() -> None:
    shell = JobCreate.model_validate(job()).model_dump(mode="json")["task"]
    http = JobCreate.model_validate(
        job(task={"type": "http", "method": "get", "url": "http://x"})
    ).model_dump()["task"]
    assert "working_dir" not in shell
    assert http["headers"] is None


def test_limits_are_checked_and_can_be_cleared() -> None:
    limits = {"memory_max_bytes": 2**30, "cpu_max": 0.5, "pids_max": 100}
    with_limits = stored(limits=limits)
    assert with_limits.model_dump(mode="json")["limits"] == limits
    assert JobUpdate.model_validate({"limits": None}).merged_over(with_limits).limits is None
    assert JobUpdate.model_validate({"priority": 3}).merged_over(with_limits).limits is not None
    for wrong in ({"memory_max_bytes": 10}, {"cpu_max": 0}, {"pids_max": 0}, {"cpu_max": "inf"}, {"swap": 1}):
        with pytest.raises(ValidationError):
            stored(limits=wrong)


def test_limits_are_for_tasks_that_have_a_process() -> None:
    build: dict[str, object] = {"type": "docker_build", "script_name": "web"}
    for task in ({"type": "noop"}, build):
        with pytest.raises(ValidationError, match="limits are for what has a process of its own"):
            JobDefinition.model_validate(job(task=task, limits={"pids_max": 3}))
    for task in (build | {"run_after_build": True}, {"type": "script", "script_name": "s"}):
        assert JobDefinition.model_validate(job(task=task, limits={"pids_max": 3})).limits is not None

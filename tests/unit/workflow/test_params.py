"""What a run gets of what was given: types, defaults, and what keeps it from starting."""

from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from tocsin_controller.workflow.launch import plan_run
from tocsin_controller.workflow.params import params_of
from tocsin_shared.executions import Reason, RunStatus
from tocsin_shared.jobs import JobDefinition


def job(*parameters: dict[str, Any]) -> JobDefinition:
    task = {"type": "shell", "command": "true"}
    return JobDefinition.model_validate(
        {"name": "j", "task": task, "schedule": "on_demand", "parameters": list(parameters)}
    )


VERSION = {"name": "version", "required": True}
ENV = {"name": "env", "param_type": "select", "options": ["staging", "production"], "default": "staging"}
COUNT = {"name": "count", "param_type": "number"}
DRY = {"name": "dry", "param_type": "boolean", "default": "true"}


def test_defaults_are_taken_and_what_is_optional_stays_away() -> None:
    assert params_of(job(VERSION, ENV, COUNT, DRY), {"version": "1.2"}).values == {
        "version": "1.2",
        "env": "staging",
        "dry": True,
    }


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        ({"count": 5}, 5),
        ({"count": "5"}, 5),
        ({"count": "-5"}, -5),
        ({"count": 1.5}, 1.5),
        ({"count": "1e3"}, 1000.0),
    ],
)
def test_numbers_may_come_as_text(given: dict[str, Any], recorded: float) -> None:
    assert params_of(job(COUNT), given).values == {"count": recorded}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "params.version"),
        ({"version": None}, "params.version"),
        ({"version": 3}, "params.version"),
        ({"version": "a\x00b"}, "params.version"),
        ({"version": "x" * 40_000}, "params.version"),
        ({"version": "1", "env": "moon"}, "params.env"),
        ({"version": "1", "count": "many"}, "params.count"),
        ({"version": "1", "count": "²"}, "params.count"),
        ({"version": "1", "count": "nan"}, "params.count"),
        ({"version": "1", "count": 2**70}, "params"),
        ({"version": "1", "count": str(2**70)}, "params.count"),
        ({"version": "1", "count": True}, "params.count"),
        ({"version": "1", "count": [1]}, "params.count"),
        ({"version": "1", "dry": "maybe"}, "params.dry"),
        ({"version": "1", "vresion": "1"}, "params.vresion"),
    ],
)
def test_what_does_not_fit_is_named(given: dict[str, Any], field: str) -> None:
    assert [one.field for one in params_of(job(VERSION, ENV, COUNT, DRY), given).wrong] == [field]


def test_a_job_that_declares_nothing_takes_anything_but_not_too_much() -> None:
    assert params_of(job(), {"a": [1, {"b": None}]}).values == {"a": [1, {"b": None}]}
    assert params_of(job(), {}).values is None
    assert params_of(job(), {"a": "x" * 140_000}).wrong


def test_a_scheduled_run_that_misses_a_required_parameter_fails_and_says_so() -> None:
    run = plan_run(uuid4(), 1, job(VERSION, ENV), trigger={"type": "scheduler"})
    assert (run.status, run.reason, run.message) == (
        RunStatus.FAILED,
        Reason.INVALID_PARAMS,
        "params.version: is required",
    )
    assert run.executions == ()


def test_a_scheduled_run_gets_the_defaults() -> None:
    run = plan_run(uuid4(), 1, job(ENV), trigger={"type": "scheduler"})
    assert (run.status, run.params) == (RunStatus.PENDING, {"env": "staging"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a b"},
        {"name": "a", "param_type": "date"},
        {"name": "a", "param_type": "select"},
        {"name": "a", "options": ["x"]},
        {"name": "a", "param_type": "number", "default": "many"},
        {"name": "a", "param_type": "select", "options": ["x"], "default": "y"},
        {"name": "env"},
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        job(ENV, wrong)

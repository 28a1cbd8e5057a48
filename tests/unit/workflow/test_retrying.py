"""When a failed execution is tried again (G3)."""

import pytest

from tocsin_controller.workflow.retrying import retry_delay_secs
from tocsin_shared.executions import ExecutionStatus as S
from tocsin_shared.executions import Reason
from tocsin_shared.jobs import JobDefinition


def job(**policy: float) -> JobDefinition:
    return JobDefinition.model_validate(
        {"name": "j", "task": {"type": "noop"}, "schedule": {"type": "on_demand"}, **policy}
    )


def test_waits_grow_from_the_first_delay() -> None:
    patient = job(retry_max=3, retry_delay_secs=5, retry_backoff=2)
    waits = [retry_delay_secs(patient, S.FAILED, Reason.EXIT_CODE, attempt) for attempt in (1, 2, 3, 4)]
    assert waits == [5, 10, 20, None]


def test_no_wait_is_longer_than_an_hour() -> None:
    eager = job(retry_max=100, retry_delay_secs=3600, retry_backoff=100)
    assert retry_delay_secs(eager, S.FAILED, None, 100) == 3600


@pytest.mark.parametrize("status", [S.SUCCEEDED, S.CANCELLED, S.LOST, S.SKIPPED])
def test_only_known_failures_are_retried(status: S) -> None:
    assert retry_delay_secs(job(retry_max=5), status, None, 1) is None


def test_a_timeout_is_retried() -> None:
    assert retry_delay_secs(job(retry_max=1), S.TIMED_OUT, Reason.TIMEOUT, 1) == 0


@pytest.mark.parametrize("reason", [Reason.INTERRUPTED, Reason.NO_AGENT])
def test_an_unknown_outcome_is_not_retried(reason: Reason) -> None:
    assert retry_delay_secs(job(retry_max=5), S.FAILED, reason, 1) is None

"""When a failed execution is tried again (G3)."""

import pytest

from tocsin_controller.workflow.retrying import retry_delay_secs
from tocsin_shared.executions import ExecutionStatus as S
from tocsin_shared.executions import Reason
from tocsin_shared.jobs import JobDefinition


def job(**policy: float | str) -> JobDefinition:
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


@pytest.mark.parametrize(
    ("status", "reason"),
    [(S.LOST, Reason.AGENT_LOST), (S.FAILED, Reason.INTERRUPTED), (S.FAILED, Reason.SELF_FENCED)],
)
def test_an_unknown_outcome_is_retried_where_the_job_says_so(status: S, reason: Reason) -> None:
    assert retry_delay_secs(job(on_lost="retry"), status, reason, 1) == 0
    assert retry_delay_secs(job(on_lost="retry", on_lost_max=2), status, reason, 3, lost_before=2) is None


def test_what_an_agent_forgot_waits_as_long_as_a_silent_agent() -> None:
    assert retry_delay_secs(job(on_lost="retry"), S.LOST, Reason.AGENT_FORGOT, 1) == 300


def test_losses_do_not_use_up_the_attempts_after_failures() -> None:
    both = job(on_lost="retry", retry_max=1, retry_delay_secs=7)
    assert retry_delay_secs(both, S.FAILED, Reason.EXIT_CODE, 4, lost_before=3) == 7
    assert retry_delay_secs(both, S.FAILED, Reason.EXIT_CODE, 5, lost_before=3) is None
    assert retry_delay_secs(both, S.LOST, Reason.AGENT_LOST, 5, lost_before=2) == 7

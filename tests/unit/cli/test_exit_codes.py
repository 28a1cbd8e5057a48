"""The exit code of a followed run."""

from typing import Any

import pytest

from tocsin_cli.exit_codes import exit_code_of_run
from tocsin_shared.executions import RunStatus


def ended(
    status: str, exit_code: int | None = None, *, name: str = "e1", retry_of: str | None = None
) -> dict[str, Any]:
    """An execution that has ended."""
    return {"id": name, "status": status, "exit_code": exit_code, "retry_of": retry_of}


def test_success_is_0() -> None:
    assert exit_code_of_run("succeeded", [ended("succeeded", 0)]) == 0


@pytest.mark.parametrize("code", [1, 2, 42, 255])
def test_a_failure_has_the_code_of_the_process(code: int) -> None:
    assert exit_code_of_run("failed", [ended("failed", code)]) == code


@pytest.mark.parametrize("code", [None, 0, -9, 256, 404])
def test_what_no_process_can_exit_with_counts_as_1(code: int | None) -> None:
    assert exit_code_of_run("failed", [ended("failed", code)]) == 1


def test_a_failure_without_any_execution_is_1() -> None:
    assert exit_code_of_run("failed", []) == 1


def test_of_several_failed_hosts_the_highest_code_wins() -> None:
    executions = [ended("succeeded", 0, name="a"), ended("failed", 3, name="b"), ended("failed", 7, name="c")]
    assert exit_code_of_run("failed", executions) == 7


def test_an_attempt_that_was_retried_does_not_count() -> None:
    executions = [ended("failed", 9, name="a"), ended("failed", 4, name="b", retry_of="a")]
    assert exit_code_of_run("failed", executions) == 4


@pytest.mark.parametrize(
    ("status", "code"), [("timed_out", 124), ("cancelled", 130), ("lost", 1), ("skipped", 1)]
)
def test_other_ends_have_codes_of_their_own(status: str, code: int) -> None:
    assert exit_code_of_run(status, [ended(status, 17)]) == code


def test_every_status_of_a_run_has_a_code() -> None:
    assert {exit_code_of_run(status, []) for status in RunStatus} == {0, 1, 124, 130}

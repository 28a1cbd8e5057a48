"""Which runs are late, too long, or not done by their deadline; told by when things happened."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tocsin_controller.scheduling.alerts.judging import Verdict, is_late, judge_length, why_not_done
from tocsin_controller.store.watches import BriefRun, DayOfRuns

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def run(status: str = "succeeded", **more: Any) -> BriefRun:
    values: dict[str, Any] = {"reason": None, "started_at": None, "finished_at": None, **more}
    return BriefRun(UUID(int=1), UUID(int=2), 1, status, **values)


def test_a_run_is_late_if_it_had_not_started_by_then() -> None:
    assert is_late(run("pending"), NOON)
    assert is_late(run("running", started_at=NOON + MINUTE), NOON)
    assert not is_late(run("running", started_at=NOON - MINUTE), NOON)
    assert not is_late(run("cancelled", finished_at=NOON - MINUTE), NOON)


def test_a_run_that_takes_longer_is_told_while_it_runs() -> None:
    began = run("running", started_at=NOON)
    assert judge_length(began, 60, NOON + MINUTE) == Verdict(is_true=True)
    assert judge_length(began, 120, NOON + MINUTE) == Verdict(again_at=NOON + 2 * MINUTE)
    assert judge_length(run("pending"), 60, NOON) == Verdict(again_at=NOON + MINUTE)


def test_a_run_that_ended_unseen_is_judged_by_its_length() -> None:
    ended = run(started_at=NOON, finished_at=NOON + 2 * MINUTE)
    assert judge_length(ended, 60, NOON + 60 * MINUTE).is_true
    assert not judge_length(ended, 180, NOON + 60 * MINUTE).is_true
    assert judge_length(run("cancelled", finished_at=NOON), 60, NOON) == Verdict()


def test_a_day_is_done_when_its_newest_run_succeeded_in_time() -> None:
    done = run(started_at=NOON - 5 * MINUTE, finished_at=NOON - MINUTE)
    assert why_not_done(DayOfRuns(happened=done), NOON, None) is None
    late = done._replace(finished_at=NOON + MINUTE)
    assert why_not_done(DayOfRuns(happened=late), NOON, None) is not None
    failed = done._replace(status="failed")
    assert why_not_done(DayOfRuns(happened=failed), NOON, None) == f"run {UUID(int=1)}: failed"


def test_a_day_is_not_done_while_a_run_is_open_whenever_it_began() -> None:
    done, open_run = run(finished_at=NOON - MINUTE), run("running", started_at=NOON - 2000 * MINUTE)
    assert (why_not_done(DayOfRuns(happened=done, open=open_run), NOON, None) or "").endswith("has not ended")
    waiting = run("pending")
    assert (why_not_done(DayOfRuns(open=waiting), NOON, None) or "").endswith("has not started")


def test_what_never_started_is_told_too() -> None:
    assert why_not_done(DayOfRuns(), NOON, NOON - MINUTE) == "it was due and has not started"
    missed = run("skipped", reason="missed", finished_at=NOON - MINUTE)
    assert (why_not_done(DayOfRuns(skipped=missed), NOON, None) or "").endswith("was skipped: missed")


def test_a_day_without_anything_due_is_not_told() -> None:
    assert why_not_done(DayOfRuns(), NOON, None) is None
    assert why_not_done(DayOfRuns(), NOON, NOON + MINUTE) is None
    assert why_not_done(DayOfRuns(skipped=run("skipped", reason="paused")), NOON, None) is None

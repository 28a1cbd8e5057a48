"""What is written for one due timer."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tocsin_controller.scheduling.deciding import Decision, decide, depends_on_the_moment
from tocsin_controller.scheduling.timing import Timing
from tocsin_controller.store.launching import Timer
from tocsin_shared.executions import RunStatus
from tocsin_shared.ids import new_id, occurrence_id
from tocsin_shared.jobs import JobDefinition

DUE = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def job(**more: Any) -> JobDefinition:
    return JobDefinition.model_validate(
        {
            "name": "j",
            "task": {"type": "noop"},
            "schedule": {"type": "cron", "value": "* * * * *"},
            "target": {"type": "any"},
            **more,
        }
    )


def decided(definition: JobDefinition, *, now: datetime = DUE) -> Decision:
    timer = Timer(new_id(), 1, DUE, DUE, now)
    timing = Timing.of(definition.schedule, created_at=DUE, timezone=definition.timezone)
    return decide(timer, definition, timing)


def test_a_timer_decided_ahead_fires_its_own_instant() -> None:
    decision = decided(job(), now=DUE - timedelta(seconds=0.2))
    assert [(run.scheduled_for, run.status) for run in decision.runs] == [(DUE, RunStatus.PENDING)]
    assert decision.next_fire_at == DUE + MINUTE


def test_the_run_of_an_instant_always_has_the_same_id() -> None:
    decision = decided(job())
    assert decision.runs[0].id == occurrence_id(decision.timer.job_id, DUE)


def test_a_late_timer_records_what_was_missed_and_runs_the_newest() -> None:
    decision = decided(job(), now=DUE + 3 * MINUTE)
    assert [run.status for run in decision.runs] == [RunStatus.SKIPPED] * 3 + [RunStatus.PENDING]
    assert decision.next_fire_at == DUE + 4 * MINUTE


def test_a_one_shot_has_no_next_instant() -> None:
    once = job(schedule={"type": "one_shot", "value": DUE.isoformat()})
    assert decided(once).next_fire_at is None


def test_only_runs_on_all_agents_depend_on_the_moment() -> None:
    assert not depends_on_the_moment(job(max_concurrent=1))
    assert depends_on_the_moment(job(target={"type": "all"}))

"""Jitter: the same for everyone who asks, bounded, and different for different jobs and instants."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.scheduling.deciding import decide
from tocsin_controller.scheduling.preview import preview
from tocsin_controller.scheduling.spreading import jitter
from tocsin_controller.scheduling.timing import timing_of
from tocsin_controller.store.launching import Timer
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.schedules import PreviewRequest

DUE = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JOB = JobDefinition.model_validate(
    {
        "name": "j",
        "task": {"type": "noop"},
        "schedule": {"type": "cron", "value": "H * * * * *"},
        "jitter_secs": 60,
    }
)


@given(st.text(max_size=20), st.datetimes(timezones=st.just(UTC)), st.integers(0, 86_400))
def test_it_never_exceeds_what_the_job_allows(name: str, instant: datetime, jitter_secs: int) -> None:
    assert timedelta(0) <= jitter(name, instant, jitter_secs) <= timedelta(seconds=jitter_secs)
    assert jitter(name, instant, jitter_secs) == jitter(name, instant, jitter_secs)


def test_it_differs_from_instant_to_instant_and_from_job_to_job() -> None:
    of_instants = {jitter("j", DUE + timedelta(minutes=n), 3600) for n in range(100)}
    of_jobs = {jitter(f"j{n}", DUE, 3600) for n in range(100)}
    assert len(of_instants) > 95
    assert len(of_jobs) > 95


def test_a_run_waits_from_its_due_instant_and_not_from_when_it_was_made() -> None:
    wait = jitter("j", DUE, 60)
    timing = timing_of(JOB, DUE)

    def run_made_at(now: datetime) -> tuple[datetime | None, datetime | None, str | None]:
        decision = decide(Timer(new_id(), 1, DUE, DUE, now), JOB, timing)
        run = decision.runs[-1]
        return run.scheduled_for, run.ready_at, run.reason

    assert run_made_at(DUE - timedelta(seconds=0.2)) == (DUE, DUE + wait, "jitter")
    assert run_made_at(DUE + wait / 2) == (DUE, DUE + wait, "jitter")
    assert run_made_at(DUE + wait) == (DUE, None, None)


def test_the_preview_shows_the_values_of_the_name() -> None:
    asked = {"schedule": JOB.schedule.model_dump(), "jitter_secs": 60, "after": DUE.isoformat(), "count": 3}
    shown = preview(PreviewRequest.model_validate({**asked, "name": "j"}), DUE)
    assert [fire.starts_at for fire in shown.fires] == [
        fire.at + jitter("j", fire.at, 60) for fire in shown.fires
    ]
    (second,) = {fire.at.second for fire in shown.fires}
    first = decide(Timer(new_id(), 1, DUE, DUE, DUE), JOB, timing_of(JOB, DUE)).next_fire_at
    assert first is not None
    assert first.second == second

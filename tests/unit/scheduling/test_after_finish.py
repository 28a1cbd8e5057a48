"""Intervals counted from the end of the last run, against every way in which runs can go."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.scheduling.after_finish import Past, look
from tocsin_controller.scheduling.deciding import Decision, decide, depends_on_the_moment
from tocsin_controller.scheduling.preview import preview
from tocsin_controller.scheduling.timing import timing_of
from tocsin_controller.store.launching import Timer
from tocsin_shared.executions import RunStatus
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.schedules import Catchup, PreviewRequest

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def job(**more: Any) -> JobDefinition:
    schedule = {"type": "interval", "value": {"interval_secs": 60, "counted_from": "finish"}}
    return JobDefinition.model_validate({"name": "j", "task": {"type": "noop"}, "schedule": schedule, **more})


def decided(definition: JobDefinition, *, late: timedelta = SECOND * 0, **past: Any) -> Decision:
    timer = Timer(new_id(), 1, START, START, START + late)
    return decide(timer, definition, timing_of(definition, START), **past)


@given(
    st.integers(1, 30),
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 40)), min_size=1, max_size=30),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 60)), max_size=5),
)
def test_each_run_starts_one_interval_after_all_others_have_ended(
    interval: int, pace: list[tuple[int, int]], by_hand: list[tuple[int, int]]
) -> None:
    """Plays the ticker: `pace` is how long each scheduled run takes and how late each look comes."""
    runs = [(START + start * SECOND, START + (start + length) * SECOND) for start, length in by_hand]
    timer, now = START, START
    for length, delay in pace:
        now = max(now, timer) + delay * SECOND
        known = [run for run in runs if run[0] <= now]
        ended = [end for _, end in known if end <= now]
        past = Past(sum(end > now for _, end in known), max(ended, default=None))
        found = look(interval, timer, now, past, Catchup.LATEST)
        if found.due is not None:
            assert past.open_runs == 0
            if past.last_end is not None:
                assert found.due >= past.last_end + interval * SECOND
                # Exact: nothing but another run, or a look that came late, keeps it from that instant.
                assert found.due in (past.last_end + interval * SECOND, timer)
            runs.append((now, now + length * SECOND))
        assert found.next_look_at > now
        if past.open_runs:
            soonest = min(end for _, end in known if end > now)
            assert found.next_look_at <= max(soonest, now) + interval * SECOND
        timer = found.next_look_at


def test_a_job_that_never_ran_is_due_at_once() -> None:
    (run,) = decided(job()).runs
    assert (run.scheduled_for, run.status) == (START, RunStatus.PENDING)


def test_while_a_run_is_open_the_look_is_repeated_and_nothing_is_recorded() -> None:
    decision = decided(job(), open_runs=1, last_end=START - 50 * SECOND)
    assert decision.runs == []
    assert decision.next_fire_at == START + 60 * SECOND


def test_the_end_of_the_last_run_gives_the_instant() -> None:
    decision = decided(job(), last_end=START - 13 * SECOND)
    assert (decision.runs, decision.next_fire_at) == ([], START + 47 * SECOND)
    (run,) = decided(job(), last_end=START - 60 * SECOND).runs
    assert run.scheduled_for == START


def test_a_late_one_runs_unless_nothing_is_caught_up() -> None:
    (run,) = decided(job(), late=3600 * SECOND).runs
    assert (run.status, run.scheduled_for) == (RunStatus.PENDING, START)
    decision = decided(job(catchup="none"), late=3600 * SECOND)
    assert [(run.status, run.reason) for run in decision.runs] == [(RunStatus.SKIPPED, "missed")]
    assert decision.next_fire_at == START + 3660 * SECOND


def test_the_window_ends_it() -> None:
    expiring = job(expires_at=(START + 59 * SECOND).isoformat())
    assert decided(expiring).next_fire_at is None


def test_it_is_decided_when_due() -> None:
    assert depends_on_the_moment(job())


def test_the_preview_says_what_can_be_said() -> None:
    request = PreviewRequest.model_validate(
        {"schedule": job().schedule.model_dump(), "after": START.isoformat()}
    )
    shown = preview(request, START)
    assert len(shown.fires) == 1
    assert "60 s after the last run has ended" in (shown.note or "")


def test_the_plain_form_is_stored_as_it_was() -> None:
    plain = {"type": "interval", "value": {"interval_secs": 300}}
    stored = JobDefinition.model_validate({"name": "j", "task": {"type": "noop"}, "schedule": plain})
    assert stored.model_dump(mode="json")["schedule"] == plain

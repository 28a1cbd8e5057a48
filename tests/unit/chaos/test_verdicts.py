"""Each verdict passes on a clean history, fails on a planted violation, and admits it when it knows nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.chaos.history import Event, Fault, History, Meta, Sample
from tests.chaos.stalls import STALL
from tests.chaos.verdicts.every import VERDICTS, judge
from tests.chaos.verdicts.lattice import Truth, worst
from tests.unit.chaos.histories import JOB_ID, add_run, at, clean, definition, judged, operation

Plant = Callable[[History], object]


def a_run_is_missing(h: History) -> None:
    h.runs = [r for r in h.runs if r.id != "run-1"]
    h.witness = [w for w in h.witness if w.run_id != "run-1"]


def a_success_nobody_witnessed(h: History) -> None:
    h.witness = [w for w in h.witness if w.run_id != "run-1"]


def a_run_never_ended(h: History) -> None:
    h.runs = [replace(r, is_finished=False) if r.id == "run-2" else r for r in h.runs]


def a_start_is_far_too_late(h: History) -> None:
    h.witness = [
        replace(w, wall_ns=w.wall_ns + at(12) - at(0)) if w.run_id == "run-2" else w for w in h.witness
    ]


def a_triggered_run_vanished(h: History) -> None:
    h.runs = [r for r in h.runs if r.id != "run-t"]


def an_instant_has_two_records(h: History) -> None:
    h.runs.append(replace(h.runs[1], id="run-again"))


def two_runs_start_for_one_instant(h: History) -> None:
    h.witness.append(replace(h.witness[0], run_id="run-again", execution_id="other"))


def a_run_stands_where_nothing_was_due(h: History) -> None:
    h.runs.append(replace(h.runs[1], id="run-x", scheduled_for_ns=at(12)))


def an_execution_starts_twice(h: History) -> None:
    h.witness.append(replace(h.witness[0], pid=999, wall_ns=at(6.5), mono_ns=at(6.5)))


def another_process_writes_for_it(h: History) -> None:
    h.witness.append(replace(h.witness[1], pid=999))


def two_runs_overlap(h: History) -> None:
    add_run(h, 20, 5.5)


def a_second_attempt_overlaps_the_first(h: History) -> None:
    h.operations[0] = operation(
        "create_job", 1, definition=definition(max_concurrent=0, on_lost="retry"), job_id=JOB_ID
    )
    add_run(h, 20, 5.5, run="run-0")


def an_exit_code_is_another(h: History) -> None:
    h.executions[0] = replace(h.executions[0], status="failed", reason="exit_code", exit_code=3)


def a_result_stayed_lost(h: History) -> None:
    h.executions[0] = replace(h.executions[0], status="lost", reason="agent_lost", exit_code=None)


def an_ended_execution_is_not_in_the_record(h: History) -> None:
    del h.executions[0]


def a_success_without_an_end(h: History) -> None:
    h.witness = [w for w in h.witness if not (w.kind == "end" and w.run_id == "run-0")]


def a_success_whose_end_said_otherwise(h: History) -> None:
    h.witness[1] = replace(h.witness[1], exit_code=1)


def an_illegal_move(h: History) -> None:
    h.changes.append(replace(h.changes[3], number=999, old_status="succeeded", new_status="failed"))


def a_gap_in_the_trail(h: History) -> None:
    del h.changes[2]


def a_deleted_execution(h: History) -> None:
    h.changes.append(replace(h.changes[3], number=999, old_status="succeeded", new_status=None))


def the_api_says_another_status(h: History) -> None:
    h.executions[0] = replace(h.executions[0], status="failed")


def an_execution_without_a_trail(h: History) -> None:
    h.executions.append(replace(h.executions[0], id="forged"))


def an_end_is_told_twice(h: History) -> None:
    h.events.append(h.events[0])


def a_fence_falls(h: History) -> None:
    h.changes.append(replace(h.changes[3], number=999, old_status="succeeded", old_fence=5, new_fence=4))


def a_process_holds_an_unknown_fence(h: History) -> None:
    h.witness[0] = replace(h.witness[0], fence=7)


def a_deleted_job_starts(h: History) -> None:
    add_run(h, 20, 35, nominal=None)


def a_paused_job_starts(h: History) -> None:
    del h.operations[3]
    add_run(h, 20, 30)


def a_job_nobody_asked_for_starts(h: History) -> None:
    h.witness[0] = replace(h.witness[0], job="phantom")


def a_refused_job_starts(h: History) -> None:
    h.operations.append(operation("create_job", 3, outcome="fail", job="refused", definition=definition()))
    h.witness.append(replace(h.witness[0], job="refused", execution_id="r", run_id="r"))


def nothing_starts_after_the_faults(h: History) -> None:
    h.witness = [w for w in h.witness if w.wall_ns < at(7)]


def no_call_succeeds_any_more(h: History) -> None:
    h.operations = [replace(o, outcome="info") if o.invoked_ns > at(7) else o for o in h.operations]


def more_of(**changes: int) -> Plant:
    def plant(h: History) -> None:
        h.samples = [
            replace(s, **changes) if (s.phase, s.role) == ("after", "agent") else s  # type: ignore[arg-type]  # of many kinds
            for s in h.samples
        ]

    return plant


PLANTED: list[tuple[str, Plant]] = [
    ("V1", a_run_is_missing),
    ("V1", a_success_nobody_witnessed),
    ("V1", a_run_never_ended),
    ("V1", a_start_is_far_too_late),
    ("V1", a_triggered_run_vanished),
    ("V2", an_instant_has_two_records),
    ("V2", two_runs_start_for_one_instant),
    ("V2", a_run_stands_where_nothing_was_due),
    ("V3", an_execution_starts_twice),
    ("V3", another_process_writes_for_it),
    ("V4", two_runs_overlap),
    ("V4", a_second_attempt_overlaps_the_first),
    ("V5", an_exit_code_is_another),
    ("V5", a_result_stayed_lost),
    ("V5", an_ended_execution_is_not_in_the_record),
    ("V6", a_success_without_an_end),
    ("V6", a_success_whose_end_said_otherwise),
    ("V7", an_illegal_move),
    ("V7", a_gap_in_the_trail),
    ("V7", a_deleted_execution),
    ("V7", the_api_says_another_status),
    ("V7", an_execution_without_a_trail),
    ("V7", an_end_is_told_twice),
    ("V8", a_fence_falls),
    ("V8", a_process_holds_an_unknown_fence),
    ("V9", a_deleted_job_starts),
    ("V9", a_paused_job_starts),
    ("V9", a_job_nobody_asked_for_starts),
    ("V9", a_refused_job_starts),
    ("V10", nothing_starts_after_the_faults),
    ("V10", no_call_succeeds_any_more),
    ("V11", more_of(rss_bytes=1 << 30)),
    ("V11", more_of(descriptors=200)),
    ("V11", more_of(connections=30)),
    ("V11", more_of(spool_records=1)),
]


def test_a_clean_history_passes_every_verdict() -> None:
    findings = judge(clean())
    assert [(f.verdict, f.truth, f.notes) for f in findings] == [(v, Truth.TRUE, ()) for v in VERDICTS]


@pytest.mark.parametrize(("verdict", "plant"), PLANTED, ids=lambda x: getattr(x, "__name__", x))
def test_a_planted_violation_is_found(verdict: str, plant: Plant) -> None:
    history = clean()
    plant(history)
    finding = judged(verdict, history)
    assert finding.truth is Truth.FALSE, finding
    assert finding.notes


def test_every_verdict_has_a_planted_violation() -> None:
    assert {verdict for verdict, _ in PLANTED} == set(VERDICTS)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_history_in_which_nothing_happened_proves_nothing(verdict: str) -> None:
    empty = History(Meta("empty", 1, healed_ns=0, read_ns=at(40)))
    assert judged(verdict, empty).truth is Truth.UNKNOWN


def test_only_acknowledged_schedules_are_owed() -> None:
    history = clean()
    a_run_is_missing(history)
    for unknown in ("fail", "info"):
        history.operations[0] = operation("create_job", 1, outcome=unknown, definition=definition())
        history.operations[1] = replace(history.operations[1], outcome="info")
        assert judged("V1", history).truth is Truth.UNKNOWN


def test_a_recorded_skip_needs_no_witness() -> None:
    history = clean()
    a_success_nobody_witnessed(history)
    history.runs = [
        replace(r, status="skipped", reason="missed") if r.id == "run-1" else r for r in history.runs
    ]
    assert judged("V1", history).truth is Truth.TRUE


def test_instants_inside_an_unanswered_pause_are_neither_owed_nor_forbidden() -> None:
    history = clean()
    history.operations.insert(1, operation("pause_job", 8, outcome="info"))
    assert judged("V9", history).truth is Truth.TRUE
    a_run_is_missing(history)
    assert judged("V1", history).truth is not Truth.FALSE
    assert judged("V2", history).truth is Truth.TRUE


def test_a_stopped_process_may_be_recorded_as_cancelled() -> None:
    history = clean()
    history.witness[1] = replace(history.witness[1], exit_code=143)
    history.witness.append(replace(history.witness[0], kind="signal", mono_ns=at(5.5)))
    history.executions[0] = replace(
        history.executions[0], status="cancelled", reason="cancelled", exit_code=143
    )
    assert judged("V5", history).truth is Truth.TRUE


def test_overlap_after_a_declared_loss_is_not_promised_away_unless_the_owner_asked_for_a_retry() -> None:
    history = clean()
    two_runs_overlap(history)
    lost = replace(history.changes[3], number=900, at_ns=at(5.2), old_status="running", new_status="lost")
    history.changes.append(lost)
    assert judged("V4", history).truth is Truth.TRUE
    history.operations[0] = operation("create_job", 1, definition=definition(on_lost="retry"), job_id=JOB_ID)
    assert judged("V4", history).truth is Truth.FALSE


def test_overlap_is_not_promised_away_for_a_frozen_host() -> None:
    history = clean()
    two_runs_overlap(history)
    history.faults.append(Fault("freeze_agent", "agent-1", at(3), at(6)))
    assert judged("V4", history).truth is Truth.TRUE


def test_a_killed_process_lives_until_its_last_sign_of_life() -> None:
    history = clean()
    a_success_without_an_end(history)
    two_runs_overlap(history)
    assert judged("V4", history).truth is Truth.TRUE
    history.witness.append(replace(history.witness[0], kind="alive", mono_ns=at(5.9)))
    assert judged("V4", history).truth is Truth.FALSE


def test_a_late_result_may_be_told_a_second_time() -> None:
    history = clean()
    last = history.changes[3]
    history.changes[3] = replace(last, new_status="lost")
    history.changes.append(replace(last, number=901, old_status="lost"))
    history.events.append(Event("execution.completed", "error", "execution-0", None, "was lost"))
    assert judged("V7", history).truth is Truth.TRUE


def test_false_beats_unknown_beats_true() -> None:
    assert worst([Truth.TRUE, Truth.UNKNOWN]) is Truth.UNKNOWN
    assert worst([Truth.TRUE, Truth.FALSE, Truth.UNKNOWN]) is Truth.FALSE
    assert worst([]) is Truth.UNKNOWN


def test_a_history_is_judged_the_same_after_it_was_stored(tmp_path: Path) -> None:
    history = clean()
    history.faults.append(Fault("kill", "controller-1", at(3), at(4)))
    history.samples.append(Sample("after", "agent", "agent-2", descriptors=500))
    history.save(tmp_path)
    loaded = History.load(tmp_path)
    assert loaded == history
    assert judge(loaded) == judge(history)


def test_once_all_is_quiet_everything_owed_has_to_be_there() -> None:
    history = clean()
    history.runs = [r for r in history.runs if r.id != "run-3"]
    history.witness = [w for w in history.witness if w.run_id != "run-3"]
    history.meta = replace(history.meta, read_ns=at(22))
    assert judged("V1", history).truth is Truth.TRUE
    history.meta = replace(history.meta, is_quiet=True)
    assert judged("V1", history).truth is Truth.FALSE


def test_recovery_is_not_known_before_it_was_due() -> None:
    history = clean()
    nothing_starts_after_the_faults(history)
    history.meta = replace(history.meta, read_ns=at(12))
    assert judged("V10", history).truth is Truth.UNKNOWN


def test_a_jumping_database_clock_owes_nothing_but_still_forbids() -> None:
    history = clean()
    history.meta = replace(history.meta, database_ahead_secs=10, is_database_jumping=True)
    a_run_is_missing(history)
    assert judged("V1", history).truth is Truth.TRUE
    assert judged("V2", history).truth is Truth.TRUE
    a_run_stands_where_nothing_was_due(history)
    assert judged("V2", history).truth is Truth.FALSE


def test_time_in_which_the_machine_stood_still_is_not_counted() -> None:
    history = clean()
    a_start_is_far_too_late(history)
    history.faults.append(Fault(STALL, "machine", at(15.5), at(27)))
    assert judged("V1", history).truth is Truth.TRUE
    history.faults[0] = Fault(STALL, "machine", at(15.5), at(19))
    assert judged("V1", history).truth is Truth.FALSE


def test_an_end_just_before_a_power_cut_may_be_unknown_and_an_older_one_may_not() -> None:
    history = clean()
    history.executions[0] = replace(
        history.executions[0], status="failed", reason="interrupted", exit_code=None
    )
    assert judged("V5", history).truth is Truth.FALSE
    history.faults.append(Fault("power", "agent-1", at(6.02), at(7)))
    assert judged("V5", history).truth is Truth.TRUE
    history.faults[0] = Fault("power", "agent-1", at(16), at(17))
    assert judged("V5", history).truth is Truth.FALSE


def test_what_is_late_when_its_job_is_deleted_goes_with_it() -> None:
    history = clean()
    history.operations[2] = operation("delete_job", 21)
    history.runs = [r for r in history.runs if r.id != "run-3"]
    history.witness = [w for w in history.witness if w.run_id != "run-3"]
    assert judged("V1", history).truth is Truth.TRUE
    a_run_is_missing(history)
    assert judged("V1", history).truth is Truth.FALSE

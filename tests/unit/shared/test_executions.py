"""The state machine as data (G7)."""

from tocsin_shared.executions import FINAL_STATUSES, REPORTABLE_STATUSES, TRANSITIONS, ExecutionStatus


def test_every_status_has_its_moves() -> None:
    assert set(TRANSITIONS) == set(ExecutionStatus)


def test_only_a_lost_execution_may_end_twice() -> None:
    for status in FINAL_STATUSES - {ExecutionStatus.LOST}:
        assert TRANSITIONS[status] == frozenset()
    assert TRANSITIONS[ExecutionStatus.LOST] == REPORTABLE_STATUSES


def test_nothing_returns_to_waiting() -> None:
    for status, moves in TRANSITIONS.items():
        if status is not ExecutionStatus.PENDING_APPROVAL:
            assert ExecutionStatus.PENDING not in moves

"""What an agent says it has, held against its leases (G2, G6)."""

from uuid import UUID

import pytest

from tocsin_controller.dispatch.audit import FORGOTTEN_AFTER_SECS, compare, must_stop
from tocsin_controller.store.leasing import ExecutionState, Lease
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import Held

AGENT, INCARNATION = new_id(), new_id()


def lease(
    *,
    fence: int = 1,
    seq: int | None = 3,
    incarnation: UUID | None = INCARNATION,
    started: bool = False,
    cancel: bool = False,
    age_secs: float = 0,
) -> Lease:
    return Lease(
        execution_id=new_id(),
        run_id=new_id(),
        job_id=new_id(),
        job_version=1,
        attempt_number=1,
        agent_id=AGENT,
        fence=fence,
        scheduled_for=None,
        started=started,
        is_cancel_requested=cancel,
        incarnation=incarnation,
        seq=seq,
        age_secs=age_secs,
    )


def held(of: Lease, fence: int | None = None) -> Held:
    return Held(execution_id=of.execution_id, fence=of.fence if fence is None else fence)


def test_an_answer_that_was_not_received_is_offered_again() -> None:
    lost = lease(seq=3)
    assert compare([lost], [], incarnation=INCARNATION, seq=4).offer_again == [lost]


def test_an_answer_on_its_way_is_not_offered_again() -> None:
    under_way = lease(seq=4)
    assert compare([under_way], [], incarnation=INCARNATION, seq=4).offer_again == []


def test_a_heartbeat_proves_nothing_about_what_it_does_not_name() -> None:
    found = compare([lease(), lease(started=True, age_secs=1e6)], [], incarnation=INCARNATION, seq=None)
    assert found.offer_again == []
    assert found.forgotten == []


def test_a_new_incarnation_gets_what_the_old_one_never_started() -> None:
    unstarted = lease(incarnation=new_id(), seq=900)
    assert compare([unstarted], [], incarnation=INCARNATION, seq=1).offer_again == [unstarted]


def test_a_started_execution_is_never_offered_again() -> None:
    running = lease(started=True, age_secs=FORGOTTEN_AFTER_SECS + 1)
    found = compare([running], [], incarnation=INCARNATION, seq=9)
    assert found.offer_again == []
    assert found.forgotten == [running]


def test_a_result_on_its_way_is_given_time() -> None:
    running = lease(started=True, age_secs=1)
    assert compare([running], [], incarnation=INCARNATION, seq=9).forgotten == []


def test_a_cancel_reaches_who_runs_it() -> None:
    running = lease(started=True, cancel=True)
    found = compare([running], [held(running)], incarnation=INCARNATION, seq=None)
    assert found.cancel == [running]


def test_what_was_cancelled_before_it_arrived_is_not_offered_again() -> None:
    cancelled = lease(cancel=True)
    found = compare([cancelled], [], incarnation=INCARNATION, seq=9)
    assert found.never_arrived == [cancelled]
    assert found.offer_again == []


def test_holding_an_older_fence_is_noticed() -> None:
    newer = lease(fence=2)
    found = compare([newer], [held(newer, fence=1)], incarnation=INCARNATION, seq=9)
    assert [(h.execution_id, h.fence) for h in found.unleased] == [(newer.execution_id, 1)]


def state(status: str, *, fence: int = 1, agent_id: UUID | None = AGENT) -> ExecutionState:
    return ExecutionState(new_id(), new_id(), new_id(), 1, 1, agent_id, fence, status)


@pytest.mark.parametrize(
    ("lease_fence", "where", "must"),
    [
        (2, None, True),
        (None, None, True),
        (None, state("lost"), False),
        (None, state("lost", fence=2), True),
        (None, state("lost", agent_id=new_id()), True),
        (None, state("cancelled"), True),
        (None, state("pending", agent_id=None), True),
    ],
)
def test_an_agent_goes_on_only_while_its_result_can_still_count(
    lease_fence: int | None, where: ExecutionState | None, must: bool
) -> None:
    mine = Held(execution_id=new_id(), fence=1)
    assert (must_stop(mine, AGENT, lease_fence, where) is not None) is must

"""How long a silent agent is waited for, and when it must have killed its copy (G3)."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.workflow.losing import LossPace
from tocsin_shared.jobs import JobDefinition


def job(**policy: float | str) -> JobDefinition:
    return JobDefinition.model_validate(
        {"name": "j", "task": {"type": "noop"}, "schedule": {"type": "on_demand"}, **policy}
    )


def test_only_jobs_that_are_run_again_end_their_copy() -> None:
    assert LossPace().self_fence_secs(job()) is None


def test_an_agent_of_the_default_pace_kills_its_copy_after_four_minutes() -> None:
    assert round(LossPace().self_fence_secs(job(on_lost="retry")) or 0) == 254
    assert round(LossPace().self_fence_secs(job(on_lost="retry", kill_grace_secs=20)) or 0) == 244


@given(
    heartbeat_secs=st.floats(0.1, 3600),
    leases=st.floats(3, 20),
    kill_grace_secs=st.integers(0, 3600),
    lost_after_secs=st.integers(60, 7 * 86_400),
)
def test_the_copy_is_dead_before_the_work_is_handed_out_again(
    heartbeat_secs: float, leases: float, kill_grace_secs: int, lost_after_secs: int
) -> None:
    pace = LossPace(heartbeat_secs * leases, heartbeat_secs)
    one = job(on_lost="retry", kill_grace_secs=kill_grace_secs, lost_after_secs=lost_after_secs)
    self_fence_secs = pace.self_fence_secs(one)
    assert self_fence_secs is not None
    assert self_fence_secs >= pace.lease_secs * 0.999
    unwritten_secs = max(pace.lease_secs / 2, 4) + heartbeat_secs
    assert self_fence_secs * 1.01 + kill_grace_secs + unwritten_secs < pace.patience_secs(one)
    assert pace.patience_secs(one) >= lost_after_secs

"""Results that output rules have to judge are kept first, in the transaction of their receipt: see `workflow/judging`.

What the agent was told is recorded is recorded, whatever happens to this controller; and the rules, which may take
their time, hold up no other result.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from tocsin_controller.definitions import Definitions
from tocsin_controller.store.database import Session
from tocsin_controller.store.leasing import Handed
from tocsin_controller.store.unjudged import NewResult, Taken, Unjudged, set_results_aside
from tocsin_controller.workflow.ending import Ended, has_rules
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.protocol import Usage

#: What is kept of a result as it was reported.
_KEPT = ("message", "exit_code", "stdout_bytes", "stderr_bytes", "stdout_truncated", "stderr_truncated")


async def set_aside(session: Session, definitions: Definitions, ended: Collection[Ended]) -> set[UUID]:
    """Keep the results of jobs with output rules; which executions these are: the caller does not end them."""
    jobs = await definitions.get_many(session, [(e.work.job_id, e.work.job_version) for e in ended])
    judged = [e for e in ended if has_rules(jobs[e.work.job_id, e.work.job_version])]
    await set_results_aside(session, [_kept(e) for e in judged])
    return {e.work.execution_id for e in judged}


def _kept(e: Ended) -> NewResult:
    if e.agent_id is None:
        raise AssertionError("results come from agents")
    work = e.work
    result: dict[str, Any] = {name: getattr(e, name) for name in _KEPT}
    result |= {
        "status": e.status.value,
        "reason": e.reason and e.reason.value,
        "usage": e.usage.model_dump(mode="json"),
    }
    return NewResult(
        Handed(
            work.execution_id, work.run_id, work.job_id, work.job_version, work.attempt_number, e.agent_id, e.fence,
            work.scheduled_for if isinstance(work, Handed) else None,
        ),
        result,
        e.age_secs,
        e.started_age_secs,
        e.is_late,
        e.is_cancel_requested,
    )  # fmt: skip


def as_reported(one: Unjudged, taken: Taken) -> Ended:
    """The end that the agent reported, with ages as of now."""
    result = one.result
    return Ended(
        work=one.work,
        status=ExecutionStatus(result["status"]),
        reason=Reason(result["reason"]) if result["reason"] else None,
        agent_id=one.work.agent_id,
        fence=one.work.fence,
        started_age_secs=taken.started_age_secs,
        age_secs=taken.age_secs,
        usage=Usage.model_validate(result["usage"]),
        is_late=one.is_late,
        is_cancel_requested=taken.is_cancel_requested,
        **{name: result[name] for name in _KEPT},
    )

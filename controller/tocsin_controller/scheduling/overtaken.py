"""Instants that were due, but had not fired yet, when somebody paused the job or changed its schedule."""

from datetime import datetime
from uuid import UUID

from tocsin_controller.scheduling import catchup
from tocsin_controller.scheduling.deciding import TRIGGER
from tocsin_controller.scheduling.timing import AfterFinish, Timing
from tocsin_controller.store.launching import PlannedRun
from tocsin_controller.workflow.launch import plan_skip
from tocsin_shared.executions import Reason
from tocsin_shared.schedules import Catchup


def overtaken(
    job_id: UUID,
    version: int,
    timing: Timing,
    next_fire_at: datetime | None,
    now: datetime,
    *,
    is_paused: bool,
) -> list[PlannedRun]:
    """Their records (G1: never silence), under the timing that was in force. Pure."""
    if next_fire_at is None or next_fire_at > now or isinstance(timing.rule, AfterFinish):
        return []  # what counts from the last end has no instant before it is looked at
    plan = catchup.plan(timing, next_fire_at, now, Catchup.NONE, window_secs=0)
    reason, why = Reason.MISSED, "the schedule was changed before it fired"
    if is_paused:
        reason, why = Reason.PAUSED, "the job was paused before it fired"
    if plan.missed_more:
        why += f", as were {plan.missed_more} earlier occurrences"
    return [
        plan_skip(job_id, version, instant, TRIGGER, reason, why) for instant in (*plan.missed, *plan.fire)
    ]

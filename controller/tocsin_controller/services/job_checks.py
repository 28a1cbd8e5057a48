"""What a job's model alone can't know: does it hold together, and does what it names exist?"""

import math
from datetime import datetime

from tocsin_controller.dispatch.scripting import script_of
from tocsin_controller.scheduling.checking import check_timing, refusal
from tocsin_controller.scheduling.timing import Timing
from tocsin_controller.services.gate_checks import check_gates
from tocsin_controller.services.job_connections import check_connection
from tocsin_controller.store.database import Session
from tocsin_controller.store.jobs import agent_exists
from tocsin_controller.store.scripts import share_script
from tocsin_controller.substitution.tasks import inspect
from tocsin_controller.workflow.losing import LossPace
from tocsin_shared.errors import FieldError, InvalidInput
from tocsin_shared.jobs import JobDefinition, OnLost
from tocsin_shared.targets import AgentTarget, LocalTarget, is_fan_out
from tocsin_shared.tasks import CustomTask, ShellTask


async def check_definition(session: Session, job: JobDefinition, pace: LossPace) -> list[FieldError]:
    """Everything wrong with a definition but its timing."""
    wrong: list[FieldError] = []
    if isinstance(job.target, AgentTarget) and not await agent_exists(session, job.target.agent_id):
        wrong.append(FieldError("target.agent_id", "there is no such agent"))
    if isinstance(job.task, CustomTask) and (job.target is None or isinstance(job.target, LocalTarget)):
        wrong.append(
            FieldError("target", "custom tasks run on third-party agents: say which (any, tagged, ...)")
        )
    if job.rollout is not None and not is_fan_out(job.target):
        why = "is for targets that mean every host: `all`, or `tagged` with mode `all`"
        wrong.append(FieldError("rollout", why))
    if job.run_as is not None and not isinstance(job.task, ShellTask):
        wrong.append(FieldError("run_as", "only shell tasks can run as another account"))
    wrong += check_references(job)
    wrong += await check_connection(session, job)
    wrong += await _check_script(session, job)
    if job.lost_after_secs <= pace.lease_secs:
        why = (
            f"must be more than the {pace.lease_secs:g} s (lease_secs) after which an agent counts as offline"
        )
        wrong.append(FieldError("lost_after_secs", why))
    elif job.on_lost is OnLost.RETRY:
        wrong += _check_retry_after_loss(job, pace)
    return wrong + check_gates(job)


async def _check_script(session: Session, job: JobDefinition) -> list[FieldError]:
    """The stored script that the task runs; nobody deletes it before this transaction has ended."""
    wanted = script_of(job.task)
    if wanted is None:
        return []
    name, kind = wanted
    found = await share_script(session, name)
    if found is None:
        return [FieldError("task.script_name", f"there is no script '{name}'")]
    if found is not kind:
        return [FieldError("task.script_name", f"the script '{name}' is {found}, this task needs {kind}")]
    return []


def check_references(job: JobDefinition) -> list[FieldError]:
    """References to values that could never be put in, whatever they are."""
    uses, misplaced = inspect(job.task.model_dump(mode="json"))
    wrong = [FieldError(one.field, one.why) for one in misplaced]
    if uses is not None and job.parameters is not None:
        declared = {parameter.name for parameter in job.parameters}
        wrong += [
            FieldError("task", f"{{{{params.{name}}}}} is not among the job's parameters")
            for name in sorted(uses.params - declared)
        ]
    return wrong


def _check_retry_after_loss(job: JobDefinition, pace: LossPace) -> list[FieldError]:
    """A loss may only be tried again where the first copy is certain to be dead by then."""
    if isinstance(job.task, CustomTask):
        return [
            FieldError(
                "on_lost", "third-party agents can't end their copy by themselves: custom tasks need `fail`"
            )
        ]
    least = math.ceil(pace.least_lost_after_secs(job))
    if job.lost_after_secs < least:
        why = (
            f"with on_lost `retry` it must be at least {least}: an agent is given {pace.lease_secs:g} s to reach a "
            f"controller, then {job.kill_grace_secs} s (kill_grace_secs) to end its copy"
        )
        return [FieldError("lost_after_secs", why)]
    return []


def check_new_timing(timing: Timing, *, now: datetime) -> list[FieldError]:
    """Everything wrong with a new or newly enabled timing."""
    try:
        check_timing(timing, now=now)
    except InvalidInput as error:
        return error.details
    return []


def refuse(wrong: list[FieldError]) -> None:
    """Raises InvalidInput with all of it, or nothing."""
    if wrong:
        raise refusal(wrong)

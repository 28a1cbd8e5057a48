"""Runs `script` tasks: Starlark in a process of its own, which gets everything through its standard input."""

import json
import signal
import sys
from dataclasses import replace
from typing import Any, Final

from tocsin_agent.policy.enforcing import own_account
from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.runtime.spec import EXECUTION_ID_VARIABLE, ProcessSpec
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import TaskFailed, task_of
from tocsin_agent.tasks.script.failing import ExitCode
from tocsin_shared.executions import ExecutionStatus, Reason, Stream
from tocsin_shared.protocol import Assignment, GivenScript
from tocsin_shared.tasks import ScriptTask

#: For jobs without `timeout_secs`.
DEFAULT_TIMEOUT_SECS: Final = 60.0
#: Processor time of one script, whatever its timeout.
CPU_SECS: Final = 60
#: For jobs without `limits.memory_max_bytes`; what the interpreter itself takes is not counted.
MEMORY_BYTES: Final = 256 * 1024 * 1024
STARLARK: Final = "starlark"

#: Not `-m`, which takes a third longer to start.
_CHILD: Final = "from tocsin_agent.tasks.script.child import main; main()"
#: An interpreter that runs out of memory says so, and does not take seconds to tell where.
_ENVIRONMENT: Final = {"LANG": "C.UTF-8", "RUST_BACKTRACE": "0"}
_REASONS: Final = {
    ExitCode.FAILED: Reason.SCRIPT_FAILED,
    ExitCode.ADDRESS_REFUSED: Reason.ADDRESS_REFUSED,
    ExitCode.COMMAND_REFUSED: Reason.REFUSED_BY_AGENT,
}


class ScriptRunner:
    """Runs `script` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Start the script's process and see to its end."""
        try:
            task = task_of(assignment, ScriptTask)
            script = script_of(assignment, STARLARK)
        except TaskFailed as error:
            return Outcome.failed(error.reason, error.text)
        request = json.dumps(_request(assignment, task, script, context)).encode()
        spec = ProcessSpec(
            # Isolated: neither the agent's environment nor a working directory adds modules.
            argv=[sys.executable, "-I", "-B", "-c", _CHILD],
            env=_ENVIRONMENT | {EXECUTION_ID_VARIABLE: str(assignment.execution_id)},
            cwd="/",
            stdin=request,
            default_timeout_secs=DEFAULT_TIMEOUT_SECS,
        )
        return await _told(await context.run_process(spec), assignment, context)


def script_of(assignment: Assignment, script_type: str) -> GivenScript:
    """The script that came with the execution. Raises TaskFailed."""
    script = assignment.script
    if script is None or script.script_type != script_type:
        raise TaskFailed(Reason.NO_SCRIPT, f"No {script_type} script came with this execution.")
    return script


def _request(
    assignment: Assignment, task: ScriptTask, script: GivenScript, context: TaskContext
) -> dict[str, Any]:
    reach = context.policy.reach
    return {
        "code": script.code,
        "params": script.params,
        "vars": task.vars or {},
        "job": {
            "name": assignment.job_name,
            "id": str(assignment.job_id),
            "run_id": str(assignment.run_id),
            "execution_id": str(assignment.execution_id),
            "attempt": assignment.attempt_number,
            "scheduled_for": assignment.scheduled_for,
        },
        "memory_bytes": _memory_bytes(assignment),
        "cpu_secs": CPU_SECS,
        "reach": {"default": reach.default, "allow": reach.allow, "deny": reach.deny},
        "may_start_commands": context.policy.lets_scripts_start_commands(own_account()),
    }


def _memory_bytes(assignment: Assignment) -> int:
    limits = assignment.limits
    return limits.memory_max_bytes if limits and limits.memory_max_bytes else MEMORY_BYTES


async def _told(outcome: Outcome, assignment: Assignment, context: TaskContext) -> Outcome:
    """The outcome in the words of scripts."""
    if outcome.status is not ExecutionStatus.FAILED:
        return outcome
    if outcome.reason is Reason.EXIT_CODE and outcome.exit_code in _REASONS:
        said = await context.last_line(Stream.STDERR)
        reason = _REASONS[ExitCode(outcome.exit_code)]
        return replace(outcome, reason=reason, message=said or "The script failed.")
    if outcome.exit_code == 128 + signal.SIGABRT:
        message = f"The script took more than {_memory_bytes(assignment) // 2**20} MiB of memory."
        return replace(outcome, reason=Reason.OOM, message=message)
    if outcome.exit_code in (128 + signal.SIGXCPU, 128 + signal.SIGKILL) and _took_all(outcome):
        message = f"The script took more than {CPU_SECS} s of processor time."
        return replace(outcome, status=ExecutionStatus.TIMED_OUT, reason=Reason.TIMEOUT, message=message)
    return outcome


def _took_all(outcome: Outcome) -> bool:
    """Beyond the soft limit the kernel ends a process that does not heed it by SIGKILL."""
    return outcome.usage.cpu_secs is not None and outcome.usage.cpu_secs >= CPU_SECS - 1

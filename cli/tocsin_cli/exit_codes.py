"""What the process's exit code says: the CLI's own codes, and the rule for a followed run.

A followed run takes over the exit code of the process that failed, so a script sees what it would see had it
run the command itself. Those codes can coincide with the CLI's own (a job that exits with 2, say); a script
that must tell them apart asks for `--output json`.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any

from tocsin_shared.executions import RunStatus


class ExitCode(IntEnum):
    """How a command of the CLI ended."""

    OK = 0
    #: Anything that has no code of its own.
    FAILURE = 1
    #: The command line is wrong.
    USAGE = 2
    #: There is no such job, run, execution, agent or key.
    NOT_FOUND = 3
    #: No key, an unknown key, or one whose role may not do this.
    DENIED = 4
    #: No controller answered, or its database is away.
    UNREACHABLE = 5
    #: The current state does not allow it: a name is taken, somebody else changed the job.
    CONFLICT = 6
    #: The followed run took longer than the job's `timeout_secs`; as `timeout(1)` has it.
    TIMED_OUT = 124
    #: The followed run was cancelled, or Ctrl-C ended the CLI; as shells have it.
    CANCELLED = 130
    #: Whoever read our output has gone (`tocsin runs ls | head`); as shells have it.
    BROKEN_PIPE = 141


def exit_code_of_run(status: str, executions: Iterable[Mapping[str, Any]]) -> int:
    """The exit code for a run that ended with this status and these executions.

    Attempts that were retried do not count, only what came of the retry. Of several failed hosts the highest
    exit code wins; what is no process's exit code (an HTTP status, none at all) counts as 1.
    """
    if status == RunStatus.SUCCEEDED:
        return ExitCode.OK
    if status == RunStatus.TIMED_OUT:
        return ExitCode.TIMED_OUT
    if status == RunStatus.CANCELLED:
        return ExitCode.CANCELLED
    if status != RunStatus.FAILED:
        return ExitCode.FAILURE
    attempts = list(executions)
    retried = {one.get("retry_of") for one in attempts}
    codes = (
        one.get("exit_code") for one in attempts if one["status"] == "failed" and one["id"] not in retried
    )
    return max(
        (code for code in codes if isinstance(code, int) and 1 <= code <= 255), default=ExitCode.FAILURE
    )

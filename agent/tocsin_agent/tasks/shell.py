"""A command line for /bin/sh, in an environment that holds nothing of the agent's own."""

import asyncio
import functools
import os
import pwd
import shlex
from dataclasses import replace
from pathlib import Path

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.runtime.spec import EXECUTION_ID_VARIABLE, ProcessSpec
from tocsin_agent.tasks.base import TaskContext
from tocsin_shared.executions import Reason
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import ShellTask

_SHELL = "/bin/sh"
_SUDO = "/usr/bin/sudo"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: Behind sudo, which clears the environment. Variables come through stdin (their size on the first line),
#: because arguments can be read by every account of the host.
_LOADER = 'IFS= read -r size; eval "$(head -c "$size")"'


class ShellRunner:
    """Runs `shell` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Start the command and see to its end."""
        task = assignment.task
        if not isinstance(task, ShellTask):
            return Outcome.failed(Reason.UNSUPPORTED_TASK, f"This is not a shell task but {task.type}.")
        try:
            if (task.run_as or assignment.run_as) is None:
                spec = build_spec(assignment, task)
            else:
                # Account data may come from a directory server, hence the thread.
                spec = await asyncio.to_thread(build_spec, assignment, task)
        except _CannotStart as error:
            return Outcome.failed(Reason.SPAWN_FAILED, str(error))
        return await context.run_process(spec)


class _CannotStart(Exception):
    """The message says why."""


def build_spec(assignment: Assignment, task: ShellTask) -> ProcessSpec:
    """What to start for a task. Blocks for account data."""
    name = task.run_as or assignment.run_as
    own = _own_account()
    account = own
    if name is not None:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            raise _CannotStart(f"There is no account {name!r} on this host.") from None
    env = _environment(assignment, task, account)
    spec = ProcessSpec(
        argv=[_SHELL, "-c", task.command],
        env=env,
        cwd="/",
        stdin=None if task.stdin is None else task.stdin.encode(),
    )
    if account.pw_uid == os.geteuid():
        return replace(spec, cwd=_directory(task, account))
    if os.geteuid() == 0:
        return replace(
            spec,
            cwd=_directory(task, account),
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=os.getgrouplist(account.pw_name, account.pw_gid),
        )
    if not Path(_SUDO).exists():
        raise _CannotStart(f"Running as {account.pw_name} needs sudo, which this host does not have.")
    # That account may enter directories which the agent's can't, so it looks for itself.
    home = f"cd {shlex.quote(account.pw_dir)} 2>/dev/null || cd /"
    script = "\n".join(
        [
            *(f"export {key}={shlex.quote(value)}" for key, value in env.items()),
            home if task.working_dir is None else f"cd {shlex.quote(task.working_dir)} || exit 126",
            f"exec {_SHELL} -c {shlex.quote(task.command)}",
        ]
    ).encode()
    return replace(
        spec,
        argv=[
            _SUDO,
            "-n",
            "-u",
            account.pw_name,
            "--",
            "/usr/bin/env",
            "-i",
            f"PATH={_PATH}",
            _SHELL,
            "-c",
            _LOADER,
        ],
        stdin=b"%d\n%s%s" % (len(script), script, spec.stdin or b""),
        sudo_user=account.pw_name,
    )


def _directory(task: ShellTask, account: pwd.struct_passwd) -> str:
    """Where it starts; whether it can is found out by trying."""
    if task.working_dir is not None:
        return task.working_dir
    return account.pw_dir if Path(account.pw_dir).is_dir() else "/"


@functools.cache
def _own_account() -> pwd.struct_passwd:
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        # Containers like to run as a number without a name.
        return pwd.struct_passwd((str(uid), "x", uid, os.getegid(), "", "/", _SHELL))


def _environment(assignment: Assignment, task: ShellTask, account: pwd.struct_passwd) -> dict[str, str]:
    env = {
        "PATH": _PATH,
        "HOME": account.pw_dir,
        "USER": account.pw_name,
        "LOGNAME": account.pw_name,
        "SHELL": _SHELL,
        # The host's language and zone are the one thing a job rightly expects from where it runs.
        "LANG": os.environ.get("LANG", "C.UTF-8"),
    }
    if "TZ" in os.environ:
        env["TZ"] = os.environ["TZ"]
    env.update(task.env or {})
    # Last, so that no task can take its processes out of sight by renaming them.
    env |= {
        EXECUTION_ID_VARIABLE: str(assignment.execution_id),
        "TOCSIN_RUN_ID": str(assignment.run_id),
        "TOCSIN_JOB_ID": str(assignment.job_id),
        "TOCSIN_JOB_NAME": assignment.job_name,
        "TOCSIN_ATTEMPT": str(assignment.attempt_number),
        "TOCSIN_FENCE": str(assignment.fence),
    }
    if assignment.scheduled_for:
        env["TOCSIN_SCHEDULED_FOR"] = assignment.scheduled_for
    return env

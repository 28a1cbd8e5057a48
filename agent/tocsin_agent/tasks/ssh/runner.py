"""A command on another host, by SSH."""

import asyncio
import shlex
from typing import Any, Final

import asyncssh

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.runtime.spec import EXECUTION_ID_VARIABLE
from tocsin_agent.tasks.base import StopSignal, TaskContext
from tocsin_agent.tasks.driving import config_of, drive, driver_failed, task_of
from tocsin_agent.tasks.ssh.connecting import ssh_connected, ssh_login
from tocsin_shared.connections.configs import SshConfig
from tocsin_shared.executions import Reason, Stream
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import SshTask

#: Whatever the login shell is, a POSIX shell reads the command, as values in it are quoted for one. It comes as the
#: first line of stdin, because every account of that host can see the arguments of a process. `read` takes byte by
#: byte, so that the rest is left to the command. The last word marks the process, for whoever looks for it.
_LOADER: Final = """exec /bin/sh -c 'IFS= read -r script; eval "$(printf %b "$script")"' tocsin-"""
#: Signals the process groups of what was marked, in its arguments or in its environment (Linux).
_SIGNAL: Final = """exec /bin/sh -c '{{
  ps -A -o pgid= -o args= | awk "/[t]ocsin-{id}/ {{print \\$1}}"
  for file in $(grep -ls "{variable}={id}" /proc/[0-9]*/environ); do
    process=${{file#/proc/}}; ps -o pgid= -p "${{process%/environ}}"
  done
}} 2>/dev/null | tr -d " " | sort -u | {{
  failed=1
  while read -r group; do kill -s {signal} -- "-$group" && failed=0; done
  exit $failed
}}'"""
_READ_BYTES: Final = 64 * 1024
#: After SIGKILL the channel ends within this time, or is given up.
_KILLED_SECS: Final = 2.0


class SshRunner:
    """Runs `ssh` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Have the command run, and pass on what it prints. A stop ends it over there."""
        let_go_secs = assignment.kill_grace_secs + 4 * _KILLED_SECS
        return await drive(
            assignment, context, lambda: self._work(assignment, context), let_go_secs=let_go_secs
        )

    async def _work(self, assignment: Assignment, context: TaskContext) -> Outcome:
        task = task_of(assignment, SshTask)
        login = ssh_login(config_of(assignment, SshConfig), task)
        async with ssh_connected(login) as connection:
            try:
                process = await connection.create_process(
                    f"{_LOADER}{assignment.execution_id}", encoding=None
                )
            except (OSError, asyncssh.Error) as error:
                raise driver_failed(f"Starting the command on {login.name}", error) from None
            passing = asyncio.create_task(_pass_on(process, script_line(assignment, task), task, context))
            try:
                await asyncio.shield(passing)
            except asyncio.CancelledError:
                running = _Running(connection, process, str(assignment.execution_id))
                await running.end(passing, context.stop)
                raise
            except (OSError, asyncssh.Error) as error:
                raise driver_failed(f"The command on {login.name}, which may go on there,", error) from None
            finally:
                passing.cancel()
            return _judged(process, login.name)


def script_line(assignment: Assignment, task: SshTask) -> bytes:
    """The command and its environment as one line that `printf %b` turns back into what it was."""
    env = {**(task.env or {}), EXECUTION_ID_VARIABLE: str(assignment.execution_id)}
    exports = [f"export {name}={shlex.quote(value)}" for name, value in env.items()]
    script = "\n".join([*exports, task.command])
    return script.replace("\\", "\\\\").replace("\n", "\\n").encode() + b"\n"


async def _pass_on(
    process: "asyncssh.SSHClientProcess[Any]", script: bytes, task: SshTask, context: TaskContext
) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_emit(process.stdout, Stream.STDOUT, context))
            group.create_task(_emit(process.stderr, Stream.STDERR, context))
            group.create_task(_feed(process, script + (task.stdin or "").encode()))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None  # all tell of the same connection
    await process.wait_closed()


async def _emit(reader: "asyncssh.SSHReader[Any]", stream: Stream, context: TaskContext) -> None:
    while data := await reader.read(_READ_BYTES):
        context.emit(stream, data)


async def _feed(process: "asyncssh.SSHClientProcess[Any]", data: bytes) -> None:
    try:
        for start in range(0, len(data), _READ_BYTES):
            process.stdin.write(data[start : start + _READ_BYTES])
            await process.stdin.drain()
        process.stdin.write_eof()
    except BrokenPipeError:
        pass  # it did not want all of it


class _Running:
    """A command that has to be ended over there."""

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        process: "asyncssh.SSHClientProcess[Any]",
        execution_id: str,
    ) -> None:
        self._connection = connection
        self._process = process
        self._execution_id = execution_id

    async def end(self, passing: "asyncio.Task[None]", stop: StopSignal) -> None:
        """TERM, and KILL when the grace has passed. Where neither gets there, closing the channel has to do."""
        try:
            if stop.grace_left_secs > 0:
                await self._signal("TERM")
            while not passing.done() and stop.grace_left_secs > 0:
                hastened = asyncio.create_task(stop.hastened.wait())
                await asyncio.wait(
                    {passing, hastened}, timeout=stop.grace_left_secs, return_when=asyncio.FIRST_COMPLETED
                )
                hastened.cancel()
                stop.hastened.clear()
            if not passing.done():
                await self._signal("KILL")
                await asyncio.wait({passing}, timeout=_KILLED_SECS)
        except (OSError, asyncssh.Error):
            pass  # the channel or the connection is closed already
        finally:
            self._process.close()

    async def _signal(self, name: str) -> None:
        """By a second command; else as the protocol has it, which OpenSSH does not do for root."""
        command = _SIGNAL.format(id=self._execution_id, variable=EXECUTION_ID_VARIABLE, signal=name)
        try:
            async with asyncio.timeout(_KILLED_SECS):
                done = await self._connection.run(command, stdin=asyncssh.DEVNULL)
        except (TimeoutError, OSError, asyncssh.Error):
            done = None
        if done is None or done.exit_status != 0:
            self._process.send_signal(name)


def _judged(process: "asyncssh.SSHClientProcess[Any]", name: str) -> Outcome:
    if process.exit_signal is not None:
        signal = process.exit_signal[0]
        return Outcome.failed(Reason.SIGNAL, f"The command on {name} was ended by signal SIG{signal}.")
    code = process.exit_status
    if code is None:
        why = "the connection was lost"
        raise driver_failed(f"The command on {name}, which may go on there,", why)
    if code:
        return Outcome.failed(Reason.EXIT_CODE, f"Ended with exit code {code}.", exit_code=code)
    return Outcome.succeeded(code)

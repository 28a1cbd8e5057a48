"""A file for another server, or from it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tocsin_agent.policy.files import judge_reading, judge_writing
from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import TaskFailed, config_of, drive, task_of
from tocsin_agent.tasks.local import file_thread
from tocsin_agent.tasks.progress import Progress
from tocsin_agent.tasks.transfer.moving import Job, Mover
from tocsin_agent.tasks.transfer.remote import Remote
from tocsin_shared.connections.configs import FtpConfig, SshConfig
from tocsin_shared.executions import Reason
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import FtpTask


class FtpRunner:
    """Runs `ftp` tasks."""

    def __init__(self) -> None:
        self._mover = Mover()

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Move the file, whole or not at all. A stop abandons it."""
        return await drive(assignment, context, lambda: self._work(assignment, context))

    async def _work(self, assignment: Assignment, context: TaskContext) -> Outcome:
        task = task_of(assignment, FtpTask)
        judge = judge_reading if task.direction == "upload" else judge_writing
        job = Job(
            remote_path=task.remote_path,
            local_path=task.local_path,
            execution_id=str(assignment.execution_id),
            resumes=str(assignment.job_id) if task.resume else None,
            judge=judge(context.policy.directories),
        )
        progress = Progress(context)
        async with file_thread(assignment) as files, _connected(assignment, task) as remote:
            if task.direction == "upload":
                path = await self._mover.upload(job, remote, files, progress)
            else:
                path = await self._mover.download(job, remote, files, progress)
        progress.conclude(path=path)
        return Outcome.succeeded()


@asynccontextmanager
async def _connected(assignment: Assignment, task: FtpTask) -> AsyncIterator[Remote]:
    given = assignment.connection
    if given is not None and (given.conn_type == "ftp") is (task.protocol == "sftp"):
        message = f"The connection '{given.name}' is of type {given.conn_type}, which does not speak {task.protocol}."
        raise TaskFailed(Reason.BAD_CONNECTION, message)
    # Each driver is loaded when the first task needs it: whoever moves files by FTP loads no SSH.
    if task.protocol == "sftp":
        from tocsin_agent.tasks.ssh.connecting import ssh_login
        from tocsin_agent.tasks.transfer.sftp import sftp_connected

        login = ssh_login(config_of(assignment, SshConfig), task)
        async with sftp_connected(login) as remote:
            yield remote
    else:
        from tocsin_agent.tasks.transfer.ftp import ftp_connected, ftp_login

        async with ftp_connected(ftp_login(config_of(assignment, FtpConfig), task)) as remote:
            yield remote

"""Runs one task as an agent does: real journal, executor, supervisor and runners, but no controller."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from tocsin_agent.executor import Executor
from tocsin_agent.journal.journal import Journal
from tocsin_agent.policy import Policy
from tocsin_agent.runtime.keeper import Nursery, find_keeper
from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.runtime.supervisor import Keeping
from tocsin_agent.tasks.registry import TaskRegistry
from tocsin_shared.connections.base import ConnectionConfig
from tocsin_shared.connections.configs import CONFIGS
from tocsin_shared.connections.given import GivenConnection
from tocsin_shared.executions import ExecutionStatus, Stream
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import Assignment, CancelOrder
from tocsin_shared.tasks import Task

#: How long a test waits for what has to happen.
PATIENCE_SECS = 60.0


@dataclass(frozen=True)
class Ran:
    """How a task ended, from the journal; and what it printed, without what was masked."""

    outcome: Outcome
    stdout: bytes
    stderr: bytes

    @property
    def status(self) -> ExecutionStatus:
        """Its final status."""
        return self.outcome.status

    @property
    def text(self) -> str:
        """What it printed to stdout."""
        return self.stdout.decode(errors="replace")

    @property
    def errors(self) -> str:
        """What it printed to stderr."""
        return self.stderr.decode(errors="replace")


class RunningTask:
    """A task in the hands of an agent's executor."""

    def __init__(self, execution_id: UUID, executor: Executor, journal: Journal, news: asyncio.Event) -> None:
        self.execution_id = execution_id
        self._executor = executor
        self._news_come = news
        self._journal = journal

    def cancel(self, *, grace_secs: float = 1.0) -> None:
        """As when somebody cancels the execution."""
        self._executor.cancel(CancelOrder(execution_id=self.execution_id, fence=1, grace_secs=grace_secs))

    def printed(self, stream: Stream = Stream.STDOUT) -> bytes:
        """What has arrived in the journal so far."""
        spool = self._journal.entries[self.execution_id].spool
        if spool is None:
            return b""
        return b"".join(chunk.data for chunk in spool.undelivered(1 << 40) if chunk.stream is stream)

    async def prints(self, text: bytes, stream: Stream = Stream.STDOUT) -> None:
        """Return once the output holds this."""
        async with asyncio.timeout(PATIENCE_SECS):
            while text not in self.printed(stream):
                await self._news()

    async def starts(self) -> None:
        """Return once it has told of its start."""
        async with asyncio.timeout(PATIENCE_SECS):
            while self._journal.entries[self.execution_id].started is None:
                await self._news()

    async def ended(self) -> Ran:
        """How it ended, once that is durable and nothing of it runs any more."""
        async with asyncio.timeout(PATIENCE_SECS):
            await self._executor.wait_until_idle()
        result = self._journal.entries[self.execution_id].result
        assert result is not None
        outcome = Outcome(result.status, result.exit_code, result.reason, result.message)
        return Ran(outcome, self.printed(Stream.STDOUT), self.printed(Stream.STDERR))

    async def _news(self) -> None:
        self._news_come.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await self._news_come.wait()


@asynccontextmanager
async def started_task(
    task: Task,
    connection: ConnectionConfig | None = None,
    *,
    timeout_secs: float | None = None,
    redact: Sequence[str] | None = None,
    registry: TaskRegistry | None = None,
    policy: Policy | None = None,
    max_output_bytes: int | None = None,
    **assignment: Any,
) -> AsyncIterator[RunningTask]:
    """The task, handed over; whatever is left of it at the end is ended.

    The secrets of the connection are masked, as a controller asks for it, unless `redact` says what is.
    """
    execution_id = new_id()
    with tempfile.TemporaryDirectory(prefix="tocsin-task-", ignore_cleanup_errors=True) as directory:
        journal = Journal(Path(directory))
        nursery = Nursery(find_keeper(), journal.output_dir)
        news = asyncio.Event()
        executor = Executor(
            journal,
            registry or TaskRegistry(),
            Keeping(nursery, journal.output_dir),
            policy=policy,
            on_news=lambda _id, _urgent: news.set(),
            on_slot=lambda: None,
        )
        if max_output_bytes is not None:
            executor.limits = executor.limits.model_copy(update={"max_bytes_per_stream": max_output_bytes})
        writing = asyncio.create_task(journal.run())
        try:
            await executor.accept(
                [
                    Assignment(
                        **{
                            "execution_id": execution_id,
                            "run_id": new_id(),
                            "job_id": new_id(),
                            "job_name": "test",
                            "fence": 1,
                            "kill_grace_secs": 0.5,
                            "task": task,
                            "timeout_secs": timeout_secs,
                            "connection": None if connection is None else given(connection),
                            "redact": secrets_of(connection) if redact is None else list(redact),
                        }
                        | assignment
                    )
                ]
            )
            yield RunningTask(execution_id, executor, journal, news)
        finally:
            await executor.abandon()
            writing.cancel()
            nursery.close()
            journal.close()


async def run_task(task: Task, connection: ConnectionConfig | None = None, **options: Any) -> Ran:
    """The task from start to end; options as of `started_task`."""
    async with started_task(task, connection, **options) as running:
        return await running.ended()


def given(connection: ConnectionConfig) -> GivenConnection:
    """The configuration as a controller hands it out."""
    kind = next(name for name, model in CONFIGS.items() if type(connection) is model)
    return GivenConnection(name="test", conn_type=kind, config=connection.given())


def secrets_of(connection: ConnectionConfig | None) -> list[str]:
    """The values of its secret fields."""
    if connection is None:
        return []
    values = connection.given()
    return [str(values[name]) for name in sorted(connection.secret_fields) if name in values]

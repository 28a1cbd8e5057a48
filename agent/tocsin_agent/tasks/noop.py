"""Prints, sleeps or fails as asked, without a process. For trials and benchmarks."""

import asyncio
from contextlib import suppress

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_shared.executions import Reason, Stream
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import NoopTask


class NoopRunner:
    """Runs `noop` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Print, sleep, and end with the code that was asked for."""
        task = assignment.task
        if not isinstance(task, NoopTask):
            return Outcome.failed(Reason.UNSUPPORTED_TASK, f"This is not a noop task but {task.type}.")
        await context.on_started()
        if task.output:
            context.emit(Stream.STDOUT, task.output.encode())
        if task.sleep_secs:
            with suppress(TimeoutError):
                await asyncio.wait_for(context.stop.wait(), task.sleep_secs)
        if task.exit_code:
            return Outcome.failed(
                Reason.EXIT_CODE, f"Ended with exit code {task.exit_code}.", exit_code=task.exit_code
            )
        return Outcome.succeeded()

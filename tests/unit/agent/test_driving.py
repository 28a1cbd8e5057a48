"""How work inside the agent ends that its driver broke off."""

import asyncio

from tests.integration.tasks.running import run_task

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import drive
from tocsin_agent.tasks.registry import TaskRegistry
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import NoopTask


class BrokenOff:
    """Its driver cancels the task that waits for it, as some do when their connection is lost."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        async def work() -> Outcome:
            raise asyncio.CancelledError

        return await drive(assignment, context, work)


async def test_a_cancellation_by_the_driver_is_a_failure_and_not_the_end_of_the_execution() -> None:
    registry = TaskRegistry({})
    registry.add("noop", BrokenOff())
    ran = await run_task(NoopTask(type="noop"), registry=registry)
    assert (ran.status, ran.outcome.reason) == (ExecutionStatus.FAILED, Reason.DRIVER_ERROR)

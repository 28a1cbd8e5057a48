"""Publishes a message on a channel; prints how many received it."""

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import config_of, drive, task_of
from tocsin_agent.tasks.redis.link import opened
from tocsin_agent.tasks.redis.server import server_of
from tocsin_shared.connections.configs import RedisConfig
from tocsin_shared.executions import Stream
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import RedisTask

#: For tasks without `timeout_secs`.
_DEFAULT_TIMEOUT_SECS = 30.0


class RedisRunner:
    """Runs `redis` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Publish; a stop leaves open whether it was."""

        async def work() -> Outcome:
            task = task_of(assignment, RedisTask)
            link = await opened(server_of(task.url, config_of(assignment, RedisConfig)))
            try:
                receivers = await link.ask("PUBLISH", task.channel, task.message)
            finally:
                await link.close()
            context.emit(Stream.STDOUT, f"{receivers}\n".encode())
            return Outcome.succeeded()

        return await drive(assignment, context, work, default_timeout_secs=_DEFAULT_TIMEOUT_SECS)

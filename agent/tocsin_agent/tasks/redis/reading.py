"""Reads from Redis: takes from lists, listens on channels, reads streams."""

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import config_of, drive, task_of
from tocsin_agent.tasks.receiving import LONGEST_SECS, Printer
from tocsin_agent.tasks.redis.channels import listen
from tocsin_agent.tasks.redis.lists import pop
from tocsin_agent.tasks.redis.server import server_of
from tocsin_agent.tasks.redis.streams import read_stream
from tocsin_shared.connections.configs import RedisConfig
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import RedisReadTask


class RedisReadRunner:
    """Runs `redis_read` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Read, and print a line for each element, message or entry. A stop puts back what was taken."""

        async def work() -> Outcome:
            task = task_of(assignment, RedisReadTask)
            server = server_of(task.url, config_of(assignment, RedisConfig))
            printer = Printer(context, as_json=task.format == "json", wanted=task.count or 1)
            match task.mode or "lpop":
                case "lpop":
                    return await pop(server, assignment, context, printer, task.key, end="LEFT")
                case "rpop":
                    return await pop(server, assignment, context, printer, task.key, end="RIGHT")
                case "subscribe":
                    return await listen(server, assignment, printer, task.key)
                case "xread":
                    return await read_stream(server, assignment, printer, task)

        return await drive(assignment, context, work, default_timeout_secs=LONGEST_SECS)

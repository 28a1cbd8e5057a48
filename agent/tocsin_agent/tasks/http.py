"""One HTTP request: its answer's body is the output, its status the exit code."""

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import config_of, drive, task_of
from tocsin_agent.tasks.http_caller import Caller
from tocsin_shared.connections.configs import HttpConfig
from tocsin_shared.executions import Reason, Stream
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import HttpTask

#: For tasks without `timeout_secs`.
DEFAULT_TIMEOUT_SECS = 30.0


class HttpRunner:
    """Runs `http` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Send the request and pass the body on, as it comes."""

        async def work() -> Outcome:
            task = task_of(assignment, HttpTask)
            body = None if task.body is None else task.body.encode()
            async with (
                Caller(context.policy.reach, config_of(assignment, HttpConfig)) as caller,
                caller.ask(task.method, task.url, task.headers, body) as answer,
            ):
                async for chunk in answer.content.iter_any():
                    context.emit(Stream.STDOUT, chunk)
                return _judged(task, answer.status)

        return await drive(assignment, context, work, default_timeout_secs=DEFAULT_TIMEOUT_SECS)


def _judged(task: HttpTask, status: int) -> Outcome:
    if task.expect_status == "any":
        return Outcome.succeeded(status)
    expected = task.expect_statuses or ([task.expect_status] if task.expect_status else [])
    if expected:
        if status in expected:
            return Outcome.succeeded(status)
        message = f"Answered {status} where {' or '.join(map(str, expected))} was expected."
    elif 200 <= status < 300:
        return Outcome.succeeded(status)
    else:
        message = f"Answered {status}."
    return Outcome.failed(Reason.HTTP_STATUS, message, exit_code=status)

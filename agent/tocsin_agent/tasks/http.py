"""One HTTP request: its answer's body is the output, its status the exit code."""

import asyncio
from contextlib import suppress

import aiohttp

from tocsin_agent.network import AddressRefused, GuardedConnector
from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_shared.executions import Reason, Stream
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import HttpTask

#: For tasks without `timeout_secs`; with one, the supervisor's timeout is the only limit.
DEFAULT_TIMEOUT_SECS = 30.0


class HttpRunner:
    """Runs `http` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Send the request and pass the body on. A stop abandons the request."""
        task = assignment.task
        if not isinstance(task, HttpTask):
            return Outcome.failed(Reason.UNSUPPORTED_TASK, f"This is not an http task but {task.type}.")
        await context.on_started()
        timeout_secs = DEFAULT_TIMEOUT_SECS if assignment.timeout_secs is None else None
        request = asyncio.create_task(_request(task, context, timeout_secs))
        stopped = asyncio.create_task(context.stop.wait())
        try:
            await asyncio.wait({request, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not request.done():
                return _http_error(context, "The request was abandoned before the answer was complete.")
            return request.result()
        finally:
            for task_ in (request, stopped):
                task_.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task_


async def _request(task: HttpTask, context: TaskContext, timeout_secs: float | None) -> Outcome:
    try:
        # A session of its own: no cookie or connection goes from one job to the next. trust_env is off so
        # that neither proxy settings nor ~/.netrc of the agent's account leak into somebody's job.
        async with (
            aiohttp.ClientSession(
                connector=GuardedConnector(context.policy.reach),
                timeout=aiohttp.ClientTimeout(total=timeout_secs),
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            ) as session,
            session.request(
                task.method.upper(),
                task.url,
                headers=task.headers,
                data=None if task.body is None else task.body.encode(),
                allow_redirects=True,
            ) as response,
        ):
            async for chunk in response.content.iter_any():
                context.emit(Stream.STDOUT, chunk)
            return _judged(task, response.status)
    except AddressRefused as error:
        context.emit(Stream.STDERR, f"{error}\n".encode())
        return Outcome.failed(Reason.ADDRESS_REFUSED, str(error))
    except TimeoutError:
        return _http_error(context, "No complete answer arrived in time.")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        return _http_error(context, f"The request failed: {text[:1000]}.")


def _judged(task: HttpTask, status: int) -> Outcome:
    if task.expect_status is not None:
        if status == task.expect_status:
            return Outcome.succeeded(status)
        message = f"Answered {status} where {task.expect_status} was expected."
    elif 200 <= status < 300:
        return Outcome.succeeded(status)
    else:
        message = f"Answered {status}."
    return Outcome.failed(Reason.HTTP_STATUS, message, exit_code=status)


def _http_error(context: TaskContext, message: str) -> Outcome:
    context.emit(Stream.STDERR, f"{message}\n".encode())
    return Outcome.failed(Reason.HTTP_ERROR, message)

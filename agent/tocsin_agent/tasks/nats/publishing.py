"""One message on a subject."""

import asyncio
from functools import partial

from nats.errors import BadHeaderError, BadSubjectError, Error

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import TaskFailed, config_of, drive, driver_failed, task_of
from tocsin_agent.tasks.nats.link import Link, linked, servers_of
from tocsin_shared.connections.configs import NatsConfig
from tocsin_shared.executions import Reason, Stream
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import NatsTask
from tocsin_shared.wire import dumps

#: For jobs without `timeout_secs`.
DEFAULT_TIMEOUT_SECS = 30.0


class NatsRunner:
    """Runs `nats` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Publish the message, and return once the server has it."""
        work = partial(_publish, assignment, context)
        return await drive(assignment, context, work, default_timeout_secs=DEFAULT_TIMEOUT_SECS)


async def _publish(assignment: Assignment, context: TaskContext) -> Outcome:
    task, config = task_of(assignment, NatsTask), config_of(assignment, NatsConfig)
    payload = task.message.encode()
    async with linked(await servers_of(task, config)) as link:
        size = len(payload) + _header_bytes(task.headers or {})
        if size > link.max_payload:
            # The server would hang up, often before it can be read why.
            raise _too_large(size, link.max_payload)
        try:
            await link.publish(task.subject, payload, headers=task.headers)
            await _confirmed(link)
        except (BadSubjectError, BadHeaderError) as error:
            raise driver_failed(f"Publishing on '{task.subject}'", error) from None
        except (Error, OSError) as error:
            said = link.last_error or error
            raise driver_failed(f"Publishing on '{task.subject}'", said) from None
        if link.complaints:
            raise driver_failed(f"Publishing on '{task.subject}'", link.complaints[0])
    context.emit(Stream.STDOUT, dumps({"subject": task.subject, "bytes": len(payload)}) + b"\n")
    return Outcome.succeeded()


async def _confirmed(link: Link) -> None:
    """Return once the server has answered what was asked after the message, and so has dealt with it."""
    flushing = asyncio.create_task(link.flush(timeout=3_600))
    losing = asyncio.create_task(link.is_lost.wait())
    try:
        await asyncio.wait([flushing, losing], return_when=asyncio.FIRST_COMPLETED)
        if not flushing.done():
            raise ConnectionError("the server went away before it confirmed the message, which it may have")
        await flushing
    finally:
        for task in (flushing, losing):
            task.cancel()


def _header_bytes(headers: dict[str, str]) -> int:
    """As they are sent: a first line, one for each, and an empty one."""
    if not headers:
        return 0
    return len("NATS/1.0\r\n\r\n") + sum(
        len(f"{name}: {value}\r\n".encode()) for name, value in headers.items()
    )


def _too_large(size: int, limit: int) -> TaskFailed:
    message = f"The message of {size:,} bytes, headers included, is larger than the {limit:,} that the server takes."
    return TaskFailed(Reason.TOO_LARGE, message)

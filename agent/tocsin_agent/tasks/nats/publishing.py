"""One message on a subject."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final, TypeVar

from nats.errors import BadHeaderError, BadSubjectError, Error
from nats.js.errors import NoStreamResponseError

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
#: The driver wants some limit; the task's own is shorter.
_NO_LIMIT_SECS: Final = 366 * 86_400

_Answer = TypeVar("_Answer")


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
        said: dict[str, str | int] = {"subject": task.subject, "bytes": len(payload)}
        try:
            if task.jetstream:
                said |= await _watched(link, _store(link, task, payload))
            else:
                await link.publish(task.subject, payload, headers=task.headers)
                await _watched(link, link.flush(timeout=_NO_LIMIT_SECS))
        except NoStreamResponseError:
            raise driver_failed(f"Publishing on '{task.subject}'", "no stream takes this subject") from None
        except (BadSubjectError, BadHeaderError) as error:
            raise driver_failed(f"Publishing on '{task.subject}'", error) from None
        except (Error, OSError) as error:
            why = link.last_error or error
            raise driver_failed(f"Publishing on '{task.subject}'", why) from None
        if link.complaints:
            raise driver_failed(f"Publishing on '{task.subject}'", link.complaints[0])
    context.emit(Stream.STDOUT, dumps(said) + b"\n")
    return Outcome.succeeded()


async def _store(link: Link, task: NatsTask, payload: bytes) -> dict[str, str | int]:
    """Return what the stream says once it has the message."""
    headers = dict(task.headers) if task.headers else None
    try:
        stored = await link.jetstream().publish(
            task.subject, payload, timeout=_NO_LIMIT_SECS, headers=headers
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        # Whoever listens on the subject may have answered as well.
        raise ConnectionError("what answered is no stream") from None
    is_known = {"duplicate": True} if stored.duplicate else {}
    return {"stream": stored.stream, "seq": stored.seq, **is_known}


async def _watched(link: Link, answering: Coroutine[Any, Any, _Answer]) -> _Answer:
    """The server's answer to what was asked with, or after, the message: it has dealt with that then.

    Raises ConnectionError when there will be none: with what the server complains of, or because it is lost.
    """
    answered = asyncio.ensure_future(answering)
    losing = asyncio.ensure_future(link.is_lost.wait())
    complaining = asyncio.ensure_future(link.has_complained.wait())
    try:
        await asyncio.wait([answered, losing, complaining], return_when=asyncio.FIRST_COMPLETED)
        if not answered.done() and complaining.done():
            raise ConnectionError(str(link.complaints[0]))
        if not answered.done():
            raise ConnectionError("the server went away before it confirmed the message, which it may have")
        return await answered
    finally:
        for task in (answered, losing, complaining):
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

"""One connection to a RabbitMQ broker, and what its errors mean."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError, AuthenticationError, InvalidFrameError, ProbableAuthenticationError
from aiormq.exceptions import ChannelInvalidStateError
from pamqp.exceptions import PAMQPException

from tocsin_agent.tasks.driving import TaskFailed, could_not_connect, driver_failed, login_refused
from tocsin_agent.tasks.rabbitmq.server import RabbitmqServer
from tocsin_agent.tasks.tls import context_of
from tocsin_shared.executions import Reason

_CONNECT_WITHIN_SECS = 30.0
_CLOSE_WITHIN_SECS = 3.0
#: How the driver says, without the broker's reason, that a virtual host could not be opened.
_INSTEAD_OF_OPENING = "Expected one of ['Connection.OpenOk']"

_ERRORS = (AMQPError, PAMQPException, ChannelInvalidStateError, OSError)

# Its errors are raised too, and told by the task that meets them.
logging.getLogger("aiormq").setLevel(logging.CRITICAL)


async def opened(server: RabbitmqServer) -> AbstractConnection:
    """A connection that is logged in. Raises TaskFailed."""
    context = await asyncio.to_thread(context_of, server.tls) if server.tls else None
    try:
        async with asyncio.timeout(_CONNECT_WITHIN_SECS):
            return await aio_pika.connect(server.url, ssl_context=context)
    except TimeoutError:
        raise could_not_connect(server.name, f"no answer within {_CONNECT_WITHIN_SECS:g} s") from None
    except (AuthenticationError, ProbableAuthenticationError) as error:
        raise login_refused(server.name, text_of(error)) from None
    except InvalidFrameError as error:
        if _INSTEAD_OF_OPENING not in text_of(error):
            raise could_not_connect(server.name, text_of(error)) from None
        text = f"the virtual host '{server.virtual_host}' is not there, or not for this user"
        raise login_refused(server.name, text) from None
    except _ERRORS as error:
        raise could_not_connect(server.name, text_of(error)) from None


async def closed(connection: AbstractConnection) -> None:
    """Let go of the broker; it may be gone. What was not acknowledged goes back to its queue."""
    with suppress(TimeoutError, *_ERRORS):
        async with asyncio.timeout(_CLOSE_WITHIN_SECS):
            await connection.close()


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Turns the driver's errors into a TaskFailed."""
    try:
        yield
    except asyncio.CancelledError:
        # What waits for an answer when the connection ends is cancelled by the driver.
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise
        raise driver_failed(doing, "the connection was lost") from None
    except (*_ERRORS, ValueError, TypeError) as error:
        # The latter two: what has no form in the protocol, as a routing key of more than 255 bytes.
        text = text_of(error)
        if "larger than" in text and "max size" in text:
            raise TaskFailed(Reason.TOO_LARGE, f"{doing} failed.", text) from None
        raise driver_failed(doing, text) from None


def text_of(error: BaseException) -> str:
    """What the broker said, without the form in which the driver keeps it."""
    return " ".join(str(argument) for argument in error.args if argument) or type(error).__name__

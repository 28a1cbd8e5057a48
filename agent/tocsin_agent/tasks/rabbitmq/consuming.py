"""Takes messages from a queue."""

import asyncio
from datetime import datetime
from typing import Any

from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import config_of, drive, driver_failed, task_of
from tocsin_agent.tasks.rabbitmq.link import closed, opened, text_of, told
from tocsin_agent.tasks.rabbitmq.server import server_of
from tocsin_agent.tasks.receiving import LONGEST_SECS, Printer, receive
from tocsin_shared.connections.configs import RabbitmqConfig
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import RabbitmqConsumeTask

#: The largest number that the protocol has for it; 0 is no limit.
_MOST_PREFETCHED = 65_535


class RabbitmqConsumeRunner:
    """Runs `rabbitmq_consume` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Print messages as they come; acknowledge them once the result is durable."""

        async def work() -> Outcome:
            task = task_of(assignment, RabbitmqConsumeTask)
            server = server_of(task.url, config_of(assignment, RabbitmqConfig))
            printer = Printer(context, as_json=task.format == "json", wanted=task.max_messages or 1)
            connection = await opened(server)
            consumer = _Consumer(connection, printer, f"Taking from queue '{task.queue}' of {server.name}")
            is_kept_open = False
            try:
                await consumer.start(task.queue)
                outcome = await receive(assignment, printer, consumer.next_one)
                if printer.printed:
                    is_kept_open = True
                    context.after_journal(consumer.acknowledge, consumer.leave)
            finally:
                if not is_kept_open:
                    await consumer.leave()
            return outcome

        return await drive(assignment, context, work, default_timeout_secs=LONGEST_SECS)


class _Consumer:
    """Of one queue, over a connection of its own."""

    def __init__(self, connection: AbstractConnection, printer: Printer, doing: str) -> None:
        self._connection = connection
        self._printer = printer
        self._doing = doing
        #: None when no more will come.
        self._messages: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
        self._newest: AbstractIncomingMessage | None = None
        self._lost = "the broker ended it"

    async def start(self, queue_name: str) -> None:
        """Have messages come: as many as are wanted, and no more. Raises TaskFailed if there is no such queue."""
        with told(self._doing):
            channel = await self._connection.channel(publisher_confirms=False)
            channel.close_callbacks.add(self._closed)
            self._connection.close_callbacks.add(self._closed)
            wanted = self._printer.left
            await channel.set_qos(prefetch_count=wanted if wanted <= _MOST_PREFETCHED else 0)
            queue = await channel.get_queue(queue_name)
            underlay = await channel.get_underlay_channel()
            underlay.on_consumer_cancel_callbacks.add(lambda _frame: self._messages.put_nowait(None))
            await queue.consume(self._messages.put)
        self._channel = channel

    async def next_one(self) -> None:
        """Wait for a message and print it."""
        message = await self._messages.get()
        if message is None:
            raise driver_failed(self._doing, self._lost)
        if self._printer.take(message.body, _known(message)):
            self._newest = message

    async def acknowledge(self) -> None:
        """All that was printed; what was not goes back to the queue."""
        try:
            if self._newest is not None:
                await self._newest.ack(multiple=True)
                # The broker's answer to this comes after it has seen that.
                await self._channel.close()
        finally:
            await self.leave()

    async def leave(self) -> None:
        """Let go of the broker. What was not acknowledged goes back to the queue."""
        await closed(self._connection)

    def _closed(self, _sender: object, error: BaseException | None) -> None:
        if error is not None:
            self._lost = text_of(error)
        self._messages.put_nowait(None)


def _known(message: AbstractIncomingMessage) -> dict[str, Any]:
    always = {
        "exchange": message.exchange,
        "routing_key": message.routing_key,
        "redelivered": message.redelivered,
    }
    sometimes = {
        "content_type": message.content_type,
        "content_encoding": message.content_encoding,
        "message_id": message.message_id,
        "correlation_id": message.correlation_id,
        "reply_to": message.reply_to,
        "type": message.type,
        "app_id": message.app_id,
        "timestamp": message.timestamp,
        "headers": message.headers,
    }
    return always | {name: _plain(value) for name, value in sometimes.items() if value not in (None, {})}


def _plain(value: object) -> Any:
    """A value of AMQP's types as one of JSON's."""
    match value:
        case None | bool() | int() | float() | str() | datetime():
            return value
        case bytes() | bytearray():
            return value.decode(errors="backslashreplace")
        case dict():
            return {str(name): _plain(one) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case _:
            return str(value)

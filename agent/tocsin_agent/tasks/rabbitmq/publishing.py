"""Publishes one message to an exchange, and waits until the broker has it in a queue."""

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import DeliveryError, PublishError

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import TaskFailed, config_of, drive, task_of
from tocsin_agent.tasks.rabbitmq.link import closed, opened, told
from tocsin_agent.tasks.rabbitmq.server import server_of
from tocsin_shared.connections.configs import RabbitmqConfig
from tocsin_shared.executions import Reason
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import RabbitmqTask

#: For tasks without `timeout_secs`.
_DEFAULT_TIMEOUT_SECS = 30.0


class RabbitmqRunner:
    """Runs `rabbitmq` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Publish; a stop leaves open whether it was."""

        async def work() -> Outcome:
            task = task_of(assignment, RabbitmqTask)
            server = server_of(task.url, config_of(assignment, RabbitmqConfig))
            connection = await opened(server)
            try:
                where = f"exchange '{task.exchange}'" if task.exchange else "the default exchange"
                with told(f"Publishing to {where} of {server.name}"):
                    await _publish(connection, task, where)
            finally:
                await closed(connection)
            return Outcome.succeeded()

        return await drive(assignment, context, work, default_timeout_secs=_DEFAULT_TIMEOUT_SECS)


async def _publish(connection: AbstractConnection, task: RabbitmqTask, where: str) -> None:
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    exchange = channel.default_exchange
    if task.exchange:
        exchange = await channel.get_exchange(task.exchange, ensure=False)
    message = Message(
        task.message.encode(), content_type=task.content_type, delivery_mode=DeliveryMode.PERSISTENT
    )
    try:
        await exchange.publish(message, task.routing_key, mandatory=True)
    except PublishError as error:
        text = f"No queue takes what is published to {where} with the routing key '{task.routing_key}'."
        raise TaskFailed(Reason.DRIVER_ERROR, text, error.args[0]) from None
    except DeliveryError as error:
        raise TaskFailed(Reason.DRIVER_ERROR, "The broker did not take the message.", error) from None

"""One message to a topic, stored by the brokers before it counts as sent."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RequestTimedOutError,
    UnknownTopicOrPartitionError,
)

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import TaskFailed, config_of, could_not_connect, drive, driver_failed, task_of
from tocsin_agent.tasks.kafka.access import access_of, let_go, reach, settings_of
from tocsin_shared.connections.configs import KafkaConfig
from tocsin_shared.executions import Reason, Stream
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import KafkaTask
from tocsin_shared.wire import dumps

#: For jobs without `timeout_secs`.
DEFAULT_TIMEOUT_SECS = 30.0
#: What the brokers may take to store the message: less than the above, because this error says more.
_REQUEST_TIMEOUT_MS = 20_000
#: Larger than any task's message: how much they take is for the brokers to say.
_MAX_REQUEST_BYTES = 16 * 1024 * 1024

_NUMBERS = {
    "batch.size": "max_batch_size",
    "connections.max.idle.ms": "connections_max_idle_ms",
    "linger.ms": "linger_ms",
    "max.request.size": "max_request_size",
    "metadata.max.age.ms": "metadata_max_age_ms",
    "request.timeout.ms": "request_timeout_ms",
    "retry.backoff.ms": "retry_backoff_ms",
}


class KafkaRunner:
    """Runs `kafka` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Send the message, and print where it was stored."""
        work = partial(_produce, assignment, context)
        return await drive(assignment, context, work, default_timeout_secs=DEFAULT_TIMEOUT_SECS)


async def _produce(assignment: Assignment, context: TaskContext) -> Outcome:
    task, config = task_of(assignment, KafkaTask), config_of(assignment, KafkaConfig)
    settings = settings_of(task.properties)
    access = await access_of(task.broker, config, settings)
    options = _options(settings)
    broker = await reach(access)
    producer = AIOKafkaProducer(bootstrap_servers=broker, **access.arguments, **options)
    try:
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            raise could_not_connect(f"Kafka at {broker}", error) from None
        await _send(producer, task, context, options)
        return Outcome.succeeded()
    finally:
        await _close(producer)


async def _send(
    producer: AIOKafkaProducer, task: KafkaTask, context: TaskContext, options: Mapping[str, Any]
) -> None:
    message = task.message.encode()
    key = None if task.key is None else task.key.encode()
    try:
        stored = await producer.send_and_wait(task.topic, message, key=key)
    except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
        said = f"The message of {len(message):,} bytes is larger than what is taken."
        raise TaskFailed(Reason.TOO_LARGE, said, error) from None
    except UnknownTopicOrPartitionError:
        said = f"There is no topic '{task.topic}', and the brokers make none when a message comes."
        raise TaskFailed(Reason.DRIVER_ERROR, said) from None
    except (KafkaTimeoutError, RequestTimedOutError) as error:
        within_secs = options["request_timeout_ms"] / 1000
        said = (
            f"The brokers did not confirm the message within {within_secs:g} s: it may be stored, or not. "
            "Perhaps a broker died, or the address under which it is known in the cluster can't be reached from here."
        )
        raise TaskFailed(Reason.DRIVER_ERROR, said, error) from None
    except (KafkaError, OSError, ValueError) as error:
        raise driver_failed(f"Sending to topic '{task.topic}'", error) from None
    where = {
        "topic": stored.topic,
        "partition": stored.partition,
        # With acks=0 nobody says.
        "offset": stored.offset if stored.offset >= 0 else None,
    }
    context.emit(Stream.STDOUT, dumps(where) + b"\n")


def _options(settings: Mapping[str, str]) -> dict[str, Any]:
    acks = settings.get("acks", "all").lower()
    compression = settings.get("compression.type", "none").lower()
    options: dict[str, Any] = {
        "acks": "all" if acks in ("all", "-1") else int(acks),
        "compression_type": None if compression == "none" else compression,
        "client_id": settings.get("client.id", "tocsin"),
        "enable_idempotence": settings.get("enable.idempotence", "").lower() == "true",
        "max_request_size": _MAX_REQUEST_BYTES,
        "request_timeout_ms": _REQUEST_TIMEOUT_MS,
    }
    options.update({_NUMBERS[name]: int(value) for name, value in settings.items() if name in _NUMBERS})
    if options["enable_idempotence"] and options["acks"] != "all":
        message = "The properties can't be used: enable.idempotence needs acks=all."
        raise TaskFailed(Reason.DRIVER_ERROR, message)
    return options


async def _close(producer: AIOKafkaProducer) -> None:
    if producer._sender.sender_task is not None:
        # What could not be sent is not waited for, which `stop` would.
        await producer._sender.close()
    await let_go(producer.stop(), producer.client)

"""Messages of a topic, printed; a group has read them once the result is on disk."""

import asyncio
import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError, UnknownTopicOrPartitionError

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import TaskFailed, config_of, drive, driver_failed, task_of
from tocsin_agent.tasks.kafka.access import access_of, let_go, reach
from tocsin_agent.tasks.receiving import LONGEST_SECS, Printer, receive
from tocsin_shared.connections.configs import KafkaConfig
from tocsin_shared.executions import Reason
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import KafkaConsumeTask

#: What one request to the brokers may take.
_REQUEST_TIMEOUT_MS = 10_000
#: Fetched ahead, at most: a broker hands out at least one message, however large.
_FETCH_BYTES = 4 * 1024 * 1024
#: A partition of which nothing was printed may take so long to say where its reader stands.
_POSITION_SECS = 5.0
#: So often it is looked whether the brokers are still there while no message comes.
_LOOK_EVERY_MS = 5_000
#: Printed before others get their turn in the agent, at most.
_AT_ONCE = 500


class KafkaConsumeRunner:
    """Runs `kafka_consume` tasks."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Print messages until there are as many as asked for, or none have come for too long."""
        return await drive(
            assignment, context, partial(_consume, assignment, context), default_timeout_secs=LONGEST_SECS
        )


async def _consume(assignment: Assignment, context: TaskContext) -> Outcome:
    task, config = task_of(assignment, KafkaConsumeTask), config_of(assignment, KafkaConfig)
    printer = Printer(context, as_json=task.format == "json", wanted=task.max_messages or 1)
    access = await access_of(task.broker, config, {})
    consumer = AIOKafkaConsumer(
        task.topic,
        bootstrap_servers=await reach(access),
        client_id="tocsin",
        group_id=task.group_id,
        enable_auto_commit=False,
        auto_offset_reset=task.offset or "latest",
        request_timeout_ms=_REQUEST_TIMEOUT_MS,
        fetch_max_bytes=_FETCH_BYTES,
        max_partition_fetch_bytes=_FETCH_BYTES,
        **access.arguments,
    )
    reading = _Reading(consumer, printer)
    is_left_open = False
    try:
        outcome = await reading.read(assignment, task.topic)
        if task.group_id is not None:
            context.after_journal(reading.commit, partial(_close, consumer))
            is_left_open = True
        return outcome
    finally:
        if not is_left_open:
            await _close(consumer)


class _Reading:
    """One consumer's messages, and how far it has read."""

    def __init__(self, consumer: AIOKafkaConsumer, printer: Printer) -> None:
        self._consumer = consumer
        self._printer = printer
        #: The next to be read.
        self._offsets: dict[TopicPartition, int] = {}

    async def read(self, assignment: Assignment, topic: str) -> Outcome:
        """Until there are enough, or the wait is over. Raises TaskFailed."""
        has_started = False

        async def next_one() -> None:
            nonlocal has_started
            if not has_started:
                await self._consumer.start()
                has_started = True
            await self._next()

        try:
            return await receive(assignment, self._printer, next_one)
        except UnknownTopicOrPartitionError:
            message = f"There is no topic '{topic}', and the brokers make none when it is asked for."
            raise TaskFailed(Reason.DRIVER_ERROR, message) from None
        except (KafkaError, ConsumerStoppedError, OSError, ValueError) as error:
            raise driver_failed(f"Reading topic '{topic}'", error) from None

    async def commit(self) -> None:
        """Tell the group how far was read, and leave it. A group that is new begins here the next time."""
        try:
            held = self._consumer.assignment()
            if printed := {partition: at for partition, at in self._offsets.items() if partition in held}:
                await self._consumer.commit(printed)
            rest = held - printed.keys()
            async with asyncio.timeout(_POSITION_SECS):
                if untouched := {partition: await self._consumer.position(partition) for partition in rest}:
                    await self._consumer.commit(untouched)
        finally:
            await _close(self._consumer)

    async def _next(self) -> None:
        """Print what has come, or wait for it for a while. Raises KafkaError, also when the brokers are gone."""
        batches = await self._consumer.getmany(
            timeout_ms=_LOOK_EVERY_MS, max_records=min(self._printer.left, _AT_ONCE)
        )
        if not batches and not await self._consumer._client.force_metadata_update():
            # It would wait for the brokers forever.
            raise KafkaError("no broker answers any more")
        for partition, records in batches.items():
            for record in records:
                self._print(partition, record)

    def _print(self, partition: TopicPartition, record: ConsumerRecord) -> None:
        if record.offset < self._offsets.get(partition, 0):
            return  # printed, but not committed yet: the group handed out its partitions again
        if self._printer.take(record.value or b"", _known(record)):
            self._offsets[partition] = record.offset + 1
        else:
            self._offsets.setdefault(partition, record.offset)


def _known(record: ConsumerRecord) -> Mapping[str, Any]:
    """What there is besides the body."""
    known: dict[str, Any] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": None,
        **_text("key", record.key),
        "headers": {},
    }
    if record.timestamp >= 0:
        at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        known["timestamp"] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for name, value in record.headers:
        known["headers"].update(_text(name, value))
    return known


def _text(name: str, value: bytes | None) -> dict[str, str | None]:
    """Under its name, or under `name_base64` when it is not UTF-8."""
    if value is None:
        return {name: None}
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value).decode()}


async def _close(consumer: AIOKafkaConsumer) -> None:
    await let_go(consumer.stop(), consumer._client)

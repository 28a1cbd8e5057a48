"""Tasks that speak to Kafka, against a real broker."""

import asyncio
import base64
import json
import signal
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from tests.integration.fleet.conftest import Fleet
from tests.integration.fleet.test_secrets import dump, files
from tests.integration.tasks.running import PATIENCE_SECS, Ran, run_task, started_task
from tests.net import free_port
from tests.services.kafka import MAX_MESSAGE_BYTES, PASSWORD, USER, KafkaServer, token_for

from tocsin_controller.security.sealing import new_key
from tocsin_shared.connections.configs import KafkaConfig
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.ids import new_id
from tocsin_shared.tasks import KafkaConsumeTask, KafkaTask


@pytest.fixture
def topic() -> str:
    return f"topic-{new_id()}"


def sending(kafka: KafkaServer, topic: str, message: str = "hello", **fields: Any) -> KafkaTask:
    return KafkaTask(**{"type": "kafka", "broker": kafka.broker, "topic": topic, "message": message} | fields)


def reading(kafka: KafkaServer, topic: str, **fields: Any) -> KafkaConsumeTask:
    given = {"type": "kafka_consume", "broker": kafka.broker, "topic": topic, "offset": "earliest"}
    return KafkaConsumeTask(**given | fields)


async def send(kafka: KafkaServer, topic: str, *values: bytes, **more: Any) -> None:
    """As somebody else."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.broker)
    await producer.start()
    for value in values:
        await producer.send_and_wait(topic, value, **more)
    await producer.stop()


async def stored(kafka: KafkaServer, topic: str) -> list[tuple[bytes | None, bytes | None]]:
    """Keys and values that somebody else reads."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka.broker, auto_offset_reset="earliest")
    await consumer.start()
    found: list[tuple[bytes | None, bytes | None]] = []
    end = (await consumer.end_offsets([TopicPartition(topic, 0)]))[TopicPartition(topic, 0)]
    while len(found) < end:
        one = await asyncio.wait_for(consumer.getone(), PATIENCE_SECS)
        found.append((one.key, one.value))
    await consumer.stop()
    return found


async def committed(kafka: KafkaServer, group: str, topic: str) -> int | None:
    """How far a group has read, as soon as the broker can say."""
    async with asyncio.timeout(PATIENCE_SECS):
        while True:
            admin = AIOKafkaAdminClient(bootstrap_servers=kafka.broker)
            try:
                await admin.start()
                offsets = await admin.list_consumer_group_offsets(group)
                break
            except KafkaError:
                await asyncio.sleep(0.1)
            finally:
                await admin.close()
    found = offsets.get(TopicPartition(topic, 0))
    return None if found is None or found.offset < 0 else found.offset


def shows(ran: Ran, reason: Reason, text: str) -> bool:
    """Whether it failed for this reason, says so everywhere, and nowhere with the password."""
    assert ran.outcome.message is not None
    assert ran.outcome.message in ran.errors
    assert PASSWORD not in ran.errors + ran.text
    return (ran.status, ran.outcome.reason) == (ExecutionStatus.FAILED, reason) and text in ran.errors


async def test_a_message_is_stored_and_its_place_is_printed(kafka: KafkaServer, topic: str) -> None:
    await run_task(sending(kafka, topic, "first"))
    ran = await run_task(sending(kafka, topic, '{"ü": "\n"}', key="17"))
    assert ran.status is ExecutionStatus.SUCCEEDED, ran.errors
    assert json.loads(ran.text) == {"topic": topic, "partition": 0, "offset": 1}
    assert await stored(kafka, topic) == [(None, b"first"), (b"17", '{"ü": "\n"}'.encode())]


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
async def test_compressed_messages_are_sent_and_read(
    kafka: KafkaServer, topic: str, compression: str
) -> None:
    ran = await run_task(sending(kafka, topic, "x" * 10_000, properties=f"compression.type={compression}"))
    assert ran.status is ExecutionStatus.SUCCEEDED, ran.errors
    assert (await run_task(reading(kafka, topic))).stdout == b"x" * 10_000 + b"\n"


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_connection_logs_in_over_tls(kafka: KafkaServer, topic: str, mechanism: Any) -> None:
    connection = KafkaConfig(
        broker=kafka.at("SASL_SSL"), username=USER, password=PASSWORD, sasl_mechanism=mechanism,
        tls_ca=kafka.ca, tls_server_name="kafka.test",
    )  # fmt: skip
    sent = await run_task(sending(kafka, topic, broker="nowhere:1", connection="c"), connection)
    assert sent.status is ExecutionStatus.SUCCEEDED, sent.errors
    read = await run_task(reading(kafka, topic, broker="", connection="c", group_id="g"), connection)
    assert read.text == "hello\n", read.errors


async def test_a_token_logs_in(kafka: KafkaServer, topic: str) -> None:
    def connection(token: str) -> KafkaConfig:
        return KafkaConfig(
            broker=kafka.at("SASL_SSL"), token=token, sasl_mechanism="OAUTHBEARER",
            tls_ca=kafka.ca, tls_server_name="kafka.test",
        )  # fmt: skip

    tasks = sending(kafka, topic, connection="c"), reading(kafka, topic, connection="c", group_id="g")
    for task in tasks:
        ran = await run_task(task, connection(token_for(USER)))
        assert ran.status is ExecutionStatus.SUCCEEDED, ran.errors
    for token in (token_for(USER, -30), "no-token-at-all"):
        for task in tasks:
            ran = await run_task(task, connection(token))
            assert shows(ran, Reason.LOGIN_FAILED, "refused the login"), ran.errors
            assert token not in ran.errors


async def test_the_login_can_stand_in_the_properties(kafka: KafkaServer, topic: str) -> None:
    jaas = "org.apache.kafka.common.security.scram.ScramLoginModule"
    properties = (
        "# as in a file for Kafka's own programs\n"
        "security.protocol=SASL_PLAINTEXT\n"
        "sasl.mechanism=SCRAM-SHA-512\n"
        f'sasl.jaas.config={jaas} required username="{USER}" password="{PASSWORD}";\n'
        "acks=1\n"
    )
    task = sending(kafka, topic, broker=kafka.at("SASL_PLAINTEXT"), properties=properties)
    assert (await run_task(task)).status is ExecutionStatus.SUCCEEDED
    short = (
        f"security.protocol=SASL_SSL,sasl.mechanisms=scram-sha-256,sasl.username={USER},"
        f"sasl.password={PASSWORD},enable.ssl.certificate.verification=false"
    )
    task = sending(kafka, topic, broker=kafka.at("SASL_SSL"), properties=short)
    assert (await run_task(task)).status is ExecutionStatus.SUCCEEDED


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
async def test_a_wrong_password_is_refused(kafka: KafkaServer, topic: str, mechanism: Any) -> None:
    connection = KafkaConfig(
        broker=kafka.at("SASL_PLAINTEXT"), username=USER, password="wrong", sasl_mechanism=mechanism
    )
    for task in (sending(kafka, topic, connection="c"), reading(kafka, topic, connection="c")):
        assert shows(await run_task(task, connection), Reason.LOGIN_FAILED, "refused the login")


async def test_the_certificate_must_be_for_the_servers_name(kafka: KafkaServer, topic: str) -> None:
    connection = KafkaConfig(broker=kafka.at("SSL"), tls=True, tls_ca=kafka.ca)
    ran = await run_task(sending(kafka, topic, connection="c"), connection)
    assert shows(ran, Reason.CONNECT_FAILED, "certificate is not valid for '127.0.0.1'")


async def test_where_nobody_listens_there_is_no_connection(kafka: KafkaServer, topic: str) -> None:
    nowhere = f"127.0.0.1:{free_port()},no-such-host.invalid"
    for task in (sending(kafka, topic, broker=nowhere), reading(kafka, topic, broker=nowhere)):
        ran = await run_task(task)
        assert shows(ran, Reason.CONNECT_FAILED, "Could not connect to Kafka at 127.0.0.1:")
        assert "no-such-host.invalid" in ran.errors
    ran = await run_task(sending(kafka, topic, broker="127.0.0.1:x"))
    assert shows(ran, Reason.CONNECT_FAILED, "Could not connect to Kafka at 127.0.0.1:x.")


async def test_a_listener_that_wants_a_login_is_recognised(kafka: KafkaServer, topic: str) -> None:
    ran = await run_task(sending(kafka, topic, broker=kafka.at("SASL_PLAINTEXT")))
    assert shows(ran, Reason.CONNECT_FAILED, "does it want TLS or a login?")


async def test_a_message_that_the_brokers_find_too_large_is_told_as_that(
    kafka: KafkaServer, topic: str
) -> None:
    ran = await run_task(sending(kafka, topic, "x" * MAX_MESSAGE_BYTES))
    assert shows(ran, Reason.TOO_LARGE, "The message of 262,144 bytes")


async def test_messages_are_printed_a_line_each(kafka: KafkaServer, topic: str) -> None:
    await send(kafka, topic, b"one", b"two", b"three")
    ran = await run_task(reading(kafka, topic, max_messages=2))
    assert (ran.status, ran.text) == (ExecutionStatus.SUCCEEDED, "one\ntwo\n")


async def test_json_tells_all_that_is_known_of_a_message(kafka: KafkaServer, topic: str) -> None:
    await send(kafka, topic, b"\xff\x00", key=b"k", headers=[("trace", b"7")], timestamp_ms=1_700_000_000_123)
    ran = await run_task(reading(kafka, topic, format="json"))
    assert json.loads(ran.text) == {
        "topic": topic, "partition": 0, "offset": 0, "timestamp": "2023-11-14T22:13:20.123Z",
        "key": "k", "headers": {"trace": "7"}, "value_base64": base64.b64encode(b"\xff\x00").decode(),
    }  # fmt: skip


async def test_text_is_printed_as_the_bytes_it_is(kafka: KafkaServer, topic: str) -> None:
    await send(kafka, topic, b"\xff\n\x00")
    assert (await run_task(reading(kafka, topic))).stdout == b"\xff\n\x00\n"


async def test_a_group_goes_on_after_what_it_has_read(kafka: KafkaServer, topic: str) -> None:
    await send(kafka, topic, b"one", b"two")
    printed = [(await run_task(reading(kafka, topic, group_id=topic))).text for _ in range(2)]
    assert printed == ["one\n", "two\n"]
    assert await committed(kafka, topic, topic) == 2


async def test_without_a_group_nothing_is_remembered(kafka: KafkaServer, topic: str) -> None:
    await send(kafka, topic, b"one", b"two")
    printed = [(await run_task(reading(kafka, topic))).text for _ in range(2)]
    assert printed == ["one\n", "one\n"]


async def test_what_was_read_before_a_cancel_is_read_again(kafka: KafkaServer, topic: str) -> None:
    await send(kafka, topic, b"one")
    async with started_task(reading(kafka, topic, group_id=topic, max_messages=2)) as running:
        await running.prints(b"one")
        running.cancel()
        assert (await running.ended()).status is ExecutionStatus.CANCELLED
    assert await committed(kafka, topic, topic) is None
    assert (await run_task(reading(kafka, topic, group_id=topic))).text == "one\n"


async def test_a_new_group_stays_where_it_first_looked(kafka: KafkaServer, topic: str) -> None:
    await send(kafka, topic, b"old")
    task = reading(kafka, topic, group_id=topic, offset=None)
    assert (await run_task(task, timeout_secs=3)).status is ExecutionStatus.TIMED_OUT
    await send(kafka, topic, b"new")
    assert (await run_task(task)).text == "new\n", "though it came while nobody read"


async def test_who_joins_and_leaves_the_group_meanwhile_makes_no_message_come_twice(
    kafka: KafkaServer, topic: str
) -> None:
    await send(kafka, topic, b"one")
    async with started_task(reading(kafka, topic, group_id=topic, max_messages=3)) as running:
        await running.prints(b"one")
        other = AIOKafkaConsumer(
            topic, bootstrap_servers=kafka.broker, group_id=topic, enable_auto_commit=False
        )
        await other.start()
        await other.stop()
        await send(kafka, topic, b"two", b"three")
        assert (await running.ended()).text == "one\ntwo\nthree\n"
    assert await committed(kafka, topic, topic) == 3


async def test_some_messages_will_do_when_no_more_come_in_time(kafka: KafkaServer, topic: str) -> None:
    await send(kafka, topic, b"one", b"two")
    ran = await run_task(reading(kafka, topic, group_id=topic, max_messages=5), timeout_secs=4)
    assert (ran.status, ran.text) == (ExecutionStatus.SUCCEEDED, "one\ntwo\n")
    assert "2 of 5 messages came in time." in ran.errors
    assert await committed(kafka, topic, topic) == 2


async def test_without_any_message_it_is_timed_out(kafka: KafkaServer, topic: str) -> None:
    ran = await run_task(reading(kafka, topic), timeout_secs=1)
    assert (ran.status, ran.outcome.reason) == (ExecutionStatus.TIMED_OUT, Reason.TIMEOUT)


async def test_a_message_without_room_in_the_output_stays_unread(kafka: KafkaServer, topic: str) -> None:
    await send(kafka, topic, b"a" * 600, b"b" * 600)
    task = reading(kafka, topic, group_id=topic, max_messages=2)
    ran = await run_task(task, max_output_bytes=1_000)
    assert (ran.status, ran.stdout) == (ExecutionStatus.SUCCEEDED, b"a" * 600 + b"\n")
    assert await committed(kafka, topic, topic) == 1
    ran = await run_task(reading(kafka, topic, group_id=topic), max_output_bytes=100)
    assert shows(ran, Reason.TOO_LARGE, "A message of 600 bytes")
    assert await committed(kafka, topic, topic) == 1


async def test_a_cancelled_wait_ends_at_once(kafka: KafkaServer, topic: str) -> None:
    async with started_task(reading(kafka, topic, offset=None), timeout_secs=PATIENCE_SECS) as running:
        await running.starts()
        running.cancel()
        assert (await running.ended()).status is ExecutionStatus.CANCELLED


async def test_brokers_that_no_longer_answer_end_the_task(kafka: KafkaServer, topic: str) -> None:
    await send(kafka, topic, b"one")
    reader, writer = reading(kafka, topic, group_id=topic, max_messages=2), sending(kafka, topic)
    async with started_task(reader) as waiting:
        await waiting.prints(b"one")
        kafka.server.freeze()
        try:
            async with started_task(writer) as cancelled, started_task(writer) as hanging:
                await cancelled.starts()
                cancelled.cancel()
                assert (await cancelled.ended()).status is ExecutionStatus.CANCELLED
                assert shows(await hanging.ended(), Reason.CONNECT_FAILED, "no answer within 10 s")
            assert shows(await waiting.ended(), Reason.DRIVER_ERROR, "no broker answers any more")
        finally:
            kafka.server.thaw()
    assert await committed(kafka, topic, topic) is None


async def test_what_a_dead_agent_had_taken_comes_again_and_the_password_is_nowhere(
    kafka: KafkaServer, topic: str, fleet: Fleet
) -> None:
    await fleet.controller(encryption_key=new_key(), log_level="debug")
    agent_id = await fleet.agent("a", log_level="debug")
    config = {
        "broker": kafka.at("SASL_SSL"), "username": USER, "password": PASSWORD,
        "sasl_mechanism": "SCRAM-SHA-512", "tls_ca": kafka.ca, "tls_server_name": "kafka.test",
    }  # fmt: skip
    await fleet.post("/api/connections", {"name": "events", "conn_type": "kafka", "config": config})
    common = {"connection": "events", "broker": "", "topic": topic}
    reader = common | {"type": "kafka_consume", "group_id": topic, "offset": "earliest", "max_messages": 2}

    async def start(task: dict[str, Any]) -> str:
        target = {"type": "agent", "agent_id": agent_id}
        job_id = await fleet.job(task=task, target=target, timeout_secs=PATIENCE_SECS)
        return str((await fleet.post(f"/api/jobs/{job_id}/trigger"))["execution_ids"][0])

    async def ended(task: dict[str, Any]) -> dict[str, Any]:
        return await fleet.ended(await start(task), secs=PATIENCE_SECS)

    assert (await ended({**common, "type": "kafka", "message": "first"}))["status"] == "succeeded"
    taken = await start(reader)
    await fleet.until(taken, lambda execution: execution["stdout"] != "", secs=PATIENCE_SECS)
    fleet.signal("a", signal.SIGKILL)
    await fleet.agent("a", log_level="debug")
    assert (await fleet.ended(taken, secs=PATIENCE_SECS))["reason"] == "interrupted"
    await send(kafka, topic, b"second", b"third")
    # The group knows of the dead agent for some seconds more.
    assert (await ended(reader))["stdout"] == "first\nsecond\n"
    assert (await ended({**reader, "max_messages": 1}))["stdout"] == "third\n"
    assert not [path for path, content in files(fleet.directory).items() if PASSWORD.encode() in content]
    assert PASSWORD.encode() not in await dump(fleet.database_url)

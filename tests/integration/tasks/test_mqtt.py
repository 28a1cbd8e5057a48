"""MQTT tasks against a real Mosquitto."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiomqtt
import pytest
from tests.integration.tasks.running import Ran, run_task, started_task
from tests.net import free_port
from tests.services.certificates import SERVER_NAME
from tests.services.mosquitto import (
    MAX_PACKET_BYTES,
    PASSWORD,
    USER,
    MosquittoServer,
    mosquitto_server,
)

from tocsin_shared.connections.configs import MqttConfig
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.ids import new_id
from tocsin_shared.tasks import MqttSubscribeTask, MqttTask


def connection(server: MosquittoServer, **more: object) -> MqttConfig:
    said = {"broker": "127.0.0.1", "port": server.port, "username": USER, "password": PASSWORD, **more}
    return MqttConfig.model_validate({key: value for key, value in said.items() if value is not None})


def publish(topic: str, message: str = "22.5", **more: object) -> MqttTask:
    said = {"type": "mqtt", "topic": topic, "message": message, "connection": "c", **more}
    return MqttTask.model_validate(said)


def subscribe(topic: str, **more: object) -> MqttSubscribeTask:
    return MqttSubscribeTask.model_validate(
        {"type": "mqtt_subscribe", "topic": topic, "connection": "c", **more}
    )


@asynccontextmanager
async def somebody(server: MosquittoServer) -> AsyncIterator[aiomqtt.Client]:
    """Another client of the broker."""
    async with aiomqtt.Client("127.0.0.1", server.port, username=USER, password=PASSWORD) as client:
        yield client


async def has_subscribed(server: MosquittoServer, topic: str) -> None:
    """Its log tells."""
    async with asyncio.timeout(30):
        while f" 0 {topic}\n" not in server.server.log and f" 1 {topic}\n" not in server.server.log:
            await asyncio.sleep(0.01)


def failed(ran: Ran, reason: Reason) -> str:
    """Its message, which is the last line on stderr too."""
    assert (ran.status, ran.outcome.reason) == (ExecutionStatus.FAILED, reason), ran.outcome
    assert ran.outcome.message is not None
    assert ran.errors.splitlines()[-1] == ran.outcome.message
    return ran.outcome.message


@pytest.fixture
def topic() -> str:
    """Nobody else's."""
    return f"sensors/{new_id()}"


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_message_is_published(mosquitto: MosquittoServer, topic: str, qos: int) -> None:
    async with somebody(mosquitto) as client:
        await client.subscribe(topic, qos=2)
        ran = await run_task(publish(topic, "21 °C", qos=qos), connection(mosquitto))
        assert (ran.status, ran.outcome.exit_code) == (ExecutionStatus.SUCCEEDED, 0)
        async with asyncio.timeout(30):
            message = await anext(client.messages)
        assert (message.payload, message.qos, message.retain) == ("21 °C".encode(), qos, False)


async def test_a_task_can_say_all_itself_and_a_retained_message_waits_for_subscribers(
    mosquitto: MosquittoServer, topic: str
) -> None:
    where = {
        "broker": f"127.0.0.1:{mosquitto.port}",
        "username": USER,
        "password": PASSWORD,
        "connection": None,
    }
    assert (await run_task(publish(topic, "22.5", retain=True, **where))).status is ExecutionStatus.SUCCEEDED
    ran = await run_task(subscribe(topic, format="json", client_id="meter-1", **where))
    assert json.loads(ran.text) == {"topic": topic, "qos": 0, "retain": True, "value": "22.5"}


async def test_messages_are_printed_as_they_come(mosquitto: MosquittoServer, topic: str) -> None:
    async with (
        started_task(
            subscribe(f"{topic}/#", max_messages=2, qos=1), connection(mosquitto), redact=[]
        ) as running,
        somebody(mosquitto) as client,
    ):
        await has_subscribed(mosquitto, f"{topic}/#")
        await client.publish(f"{topic}/a", b"\xff\x00", qos=2)
        await running.prints(b"\xff\x00\n")
        await client.publish(f"{topic}/b", "two", qos=1)
        ran = await running.ended()
    assert (ran.status, ran.stdout) == (ExecutionStatus.SUCCEEDED, b"\xff\x00\ntwo\n")


async def test_binary_messages_are_base64_in_json(mosquitto: MosquittoServer, topic: str) -> None:
    async with somebody(mosquitto) as client:
        await client.publish(topic, b"\xff\x00", retain=True)
    ran = await run_task(subscribe(topic, format="json"), connection(mosquitto))
    assert json.loads(ran.text)["value_base64"] == "/wA="


async def test_a_known_client_gets_what_came_between_its_executions(
    mosquitto: MosquittoServer, topic: str
) -> None:
    config = connection(mosquitto, client_id=f"c-{topic[-12:]}")
    task = subscribe(topic, max_messages=2, qos=2)
    first = await run_task(task, config, timeout_secs=0.5)
    assert first.status is ExecutionStatus.TIMED_OUT
    async with somebody(mosquitto) as client:
        for number in range(5):
            await client.publish(topic, str(number), qos=2)
    # Neither what an execution left over nor what it took in vain is lost.
    assert (await run_task(task, config)).text == "0\n1\n"
    async with started_task(subscribe(topic, max_messages=9, qos=1), config, redact=[]) as in_vain:
        await in_vain.prints(b"2\n3\n4\n")
        in_vain.cancel()
        assert (await in_vain.ended()).status is ExecutionStatus.CANCELLED
    assert (await run_task(subscribe(topic, max_messages=3, qos=1), config)).text == "2\n3\n4\n"
    assert (await run_task(task, config, timeout_secs=0.5)).text == ""


async def test_what_does_not_fit_into_the_output_stays_with_the_broker(
    mosquitto: MosquittoServer, topic: str
) -> None:
    config = connection(mosquitto, client_id=f"c-{topic[-12:]}")
    await run_task(subscribe(topic, qos=1), config, timeout_secs=0.5)
    async with somebody(mosquitto) as client:
        for letter in "abc":
            await client.publish(topic, letter * 400, qos=1)
        await client.publish(topic, "d" * 2_000, qos=1)
    task = subscribe(topic, max_messages=9, qos=1)
    ran = await run_task(task, config, max_output_bytes=1_000)
    assert (ran.status, ran.text) == (ExecutionStatus.SUCCEEDED, f"{'a' * 400}\n{'b' * 400}\n")
    assert (await run_task(task, config, max_output_bytes=1_000)).text == f"{'c' * 400}\n"
    assert "larger" in failed(await run_task(task, config, max_output_bytes=1_000), Reason.TOO_LARGE)


async def test_without_a_message_it_is_timed_out(mosquitto: MosquittoServer, topic: str) -> None:
    ran = await run_task(subscribe(topic), connection(mosquitto), timeout_secs=0.3)
    assert (ran.status, ran.outcome.reason) == (ExecutionStatus.TIMED_OUT, Reason.TIMEOUT)


async def test_a_cancel_ends_the_wait(mosquitto: MosquittoServer, topic: str) -> None:
    async with started_task(subscribe(topic), connection(mosquitto)) as running:
        await has_subscribed(mosquitto, topic)
        running.cancel()
        assert (await running.ended()).status is ExecutionStatus.CANCELLED


async def test_a_wrong_password_is_a_refused_login(mosquitto: MosquittoServer, topic: str) -> None:
    ran = await run_task(publish(topic), connection(mosquitto, password="not-this-one"), redact=[])
    message = failed(ran, Reason.LOGIN_FAILED)
    assert f"MQTT broker 127.0.0.1:{mosquitto.port} refused the login." in message
    assert "not-this-one" not in message
    nobody = connection(mosquitto, username=None, password=None)
    failed(await run_task(subscribe(topic), nobody), Reason.LOGIN_FAILED)


async def test_a_broker_that_is_not_there_is_a_clear_failure(topic: str) -> None:
    ran = await run_task(publish(topic), MqttConfig(broker="127.0.0.1", port=free_port()))
    assert failed(ran, Reason.CONNECT_FAILED).startswith("Could not connect to MQTT broker 127.0.0.1:")
    ran = await run_task(publish(topic, broker="mqtt://here", connection=None))
    assert "no address of a broker" in failed(ran, Reason.CONNECT_FAILED)


async def test_tls_needs_the_name_that_the_certificate_is_for(mosquitto: MosquittoServer, topic: str) -> None:
    made = mosquitto.certificates
    config = {
        "port": mosquitto.tls_port,
        "tls_ca": made.ca,
        "tls_cert": made.client_cert,
        "tls_key": made.client_key,
    }
    ran = await run_task(publish(topic, qos=1), connection(mosquitto, **config, tls_server_name=SERVER_NAME))
    assert ran.status is ExecutionStatus.SUCCEEDED
    message = failed(await run_task(publish(topic), connection(mosquitto, **config)), Reason.CONNECT_FAILED)
    assert "certificate" in message.lower()
    careless = connection(mosquitto, **{**config, "tls_ca": None}, tls_verify=False)
    assert (await run_task(publish(topic), careless)).status is ExecutionStatus.SUCCEEDED


async def test_a_broker_that_wants_a_certificate_does_not_go_without(
    mosquitto: MosquittoServer, topic: str
) -> None:
    config = {"port": mosquitto.tls_port, "tls_ca": mosquitto.certificates.ca, "tls_server_name": SERVER_NAME}
    ran = await run_task(publish(topic, qos=1), connection(mosquitto, **config))
    assert failed(ran, Reason.CONNECT_FAILED).startswith("Could not connect to MQTT broker 127.0.0.1")


async def test_a_message_larger_than_the_broker_takes_is_a_failure(
    mosquitto: MosquittoServer, topic: str
) -> None:
    ran = await run_task(publish(topic, "x" * (MAX_PACKET_BYTES + 1), qos=1), connection(mosquitto))
    assert failed(ran, Reason.DRIVER_ERROR).startswith(f"Publishing on '{topic}' of MQTT broker")


async def test_topics_that_are_none_are_failures(
    mosquitto: MosquittoServer,
) -> None:
    failed(await run_task(publish("sensors/#"), connection(mosquitto)), Reason.DRIVER_ERROR)
    failed(await run_task(subscribe("a#b"), connection(mosquitto)), Reason.DRIVER_ERROR)


async def test_a_broker_that_dies_is_a_failure(topic: str) -> None:
    with mosquitto_server() as server:
        async with started_task(subscribe(topic), connection(server)) as running:
            await has_subscribed(server, topic)
            server.server.kill()
            ran = await running.ended()
    assert failed(ran, Reason.DRIVER_ERROR).startswith("Waiting for messages of MQTT broker 127.0.0.1")


async def test_a_broker_that_freezes_does_not_keep_a_cancel(topic: str) -> None:
    with mosquitto_server() as server:
        async with started_task(subscribe(topic), connection(server)) as running:
            await has_subscribed(server, topic)
            server.server.freeze()
            running.cancel()
            assert (await running.ended()).status is ExecutionStatus.CANCELLED

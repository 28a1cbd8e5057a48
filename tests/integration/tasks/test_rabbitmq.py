"""RabbitMQ tasks against a real RabbitMQ."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractQueue
from tests.integration.agent.conftest import AgentProcess, assignment
from tests.integration.agent.fake_controller import serving
from tests.integration.tasks.running import Ran, given, run_task, started_task
from tests.keepers import end_keepers
from tests.net import free_port
from tests.services.certificates import SERVER_NAME
from tests.services.rabbitmq import MAX_MESSAGE_BYTES, PASSWORD, USER, RabbitmqServer
from tests.services.relay import relayed

from tocsin_shared.connections.configs import RabbitmqConfig
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.ids import new_id
from tocsin_shared.tasks import RabbitmqConsumeTask, RabbitmqTask


@pytest.fixture
async def channel(rabbitmq: RabbitmqServer) -> AsyncIterator[AbstractChannel]:
    """Of somebody else."""
    async with await aio_pika.connect(rabbitmq.url) as connection:
        yield await connection.channel()


@pytest.fixture
async def queue(channel: AbstractChannel) -> AsyncIterator[AbstractQueue]:
    """An empty one."""
    queue = await channel.declare_queue(f"work-{new_id()}", durable=True)
    yield queue
    if not channel.is_closed:
        await queue.delete(if_unused=False, if_empty=False)


def connection(server: RabbitmqServer, **more: object) -> RabbitmqConfig:
    return RabbitmqConfig.model_validate({"url": server.url, **more})


def publish(routing_key: str, **more: object) -> RabbitmqTask:
    said = {
        "type": "rabbitmq",
        "exchange": "",
        "routing_key": routing_key,
        "message": "hello",
        "connection": "c",
    }
    return RabbitmqTask.model_validate(said | more)


def consume(queue: AbstractQueue | str, **more: object) -> RabbitmqConsumeTask:
    said = {"type": "rabbitmq_consume", "queue": str(queue), "connection": "c"}
    return RabbitmqConsumeTask.model_validate(said | more)


async def put(channel: AbstractChannel, queue: AbstractQueue, *bodies: bytes) -> None:
    for body in bodies:
        await channel.default_exchange.publish(aio_pika.Message(body), queue.name)


async def holds(queue: AbstractQueue, *bodies: bytes) -> None:
    """Return once the queue has these messages to give, and take them."""
    left = list(bodies)
    async with asyncio.timeout(30):
        while left:
            message = await queue.get(fail=False)
            if message is None:
                await asyncio.sleep(0.01)
            else:
                assert message.body == left.pop(0)
                await message.ack()
    assert await queue.get(fail=False) is None


async def has_consumer(channel: AbstractChannel, queue: AbstractQueue) -> None:
    async with asyncio.timeout(30):
        while not (await channel.declare_queue(queue.name, passive=True)).declaration_result.consumer_count:
            await asyncio.sleep(0.01)


def failed(ran: Ran, reason: Reason) -> str:
    """Its message, which is the last line on stderr too."""
    assert (ran.status, ran.outcome.reason) == (ExecutionStatus.FAILED, reason), ran.outcome
    assert ran.outcome.message is not None
    assert ran.errors.splitlines()[-1] == ran.outcome.message
    return ran.outcome.message


async def test_a_message_is_published_to_an_exchange_and_stays_on_disk(
    rabbitmq: RabbitmqServer, channel: AbstractChannel, queue: AbstractQueue
) -> None:
    exchange = await channel.declare_exchange(f"events-{queue}", auto_delete=True)
    await queue.bind(exchange, "user.created")
    task = publish("user.created", exchange=exchange.name, message="grün", content_type="text/plain")
    ran = await run_task(task, connection(rabbitmq))
    assert (ran.status, ran.outcome.exit_code, ran.text) == (ExecutionStatus.SUCCEEDED, 0, "")
    message = await queue.get(timeout=30)
    assert (message.body, message.content_type) == ("grün".encode(), "text/plain")
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT


async def test_a_task_can_say_all_itself(rabbitmq: RabbitmqServer, queue: AbstractQueue) -> None:
    ran = await run_task(publish(queue.name, url=rabbitmq.url, connection=None))
    assert ran.status is ExecutionStatus.SUCCEEDED
    ran = await run_task(consume(queue, url=rabbitmq.url, connection=None))
    assert ran.text == "hello\n"


async def test_a_message_that_no_queue_takes_is_a_failure(rabbitmq: RabbitmqServer) -> None:
    message = failed(await run_task(publish("nowhere"), connection(rabbitmq)), Reason.DRIVER_ERROR)
    assert message.startswith(
        "No queue takes what is published to the default exchange with the routing key 'now"
    )
    message = failed(await run_task(publish("x", exchange="gone"), connection(rabbitmq)), Reason.DRIVER_ERROR)
    assert "exchange 'gone'" in message
    assert "NOT_FOUND" in message


async def test_a_message_larger_than_the_broker_takes_is_too_large(
    rabbitmq: RabbitmqServer, queue: AbstractQueue
) -> None:
    task = publish(queue.name, message="x" * (MAX_MESSAGE_BYTES + 1))
    failed(await run_task(task, connection(rabbitmq)), Reason.TOO_LARGE)


async def test_what_the_protocol_has_no_room_for_is_a_failure(
    rabbitmq: RabbitmqServer, queue: AbstractQueue
) -> None:
    for too_long in (publish(queue.name, content_type="x" * 300), publish("ü" * 200)):
        failed(await run_task(too_long, connection(rabbitmq)), Reason.DRIVER_ERROR)


async def test_messages_are_printed_and_gone_afterwards(
    rabbitmq: RabbitmqServer, channel: AbstractChannel, queue: AbstractQueue
) -> None:
    await put(channel, queue, b"one", b"\xff\x00", b"three")
    ran = await run_task(consume(queue, max_messages=2), connection(rabbitmq))
    assert (ran.status, ran.stdout) == (ExecutionStatus.SUCCEEDED, b"one\n\xff\x00\n")
    await holds(queue, b"three")


async def test_json_tells_what_is_known_of_a_message(
    rabbitmq: RabbitmqServer, channel: AbstractChannel, queue: AbstractQueue
) -> None:
    message = aio_pika.Message(
        b"\xff\x00", content_type="image/x", headers={"n": 1, "raw": bytearray(b"\xfe")}, message_id="7"
    )
    await channel.default_exchange.publish(message, queue.name)
    ran = await run_task(consume(queue, format="json"), connection(rabbitmq))
    assert json.loads(ran.text) == {
        "exchange": "",
        "routing_key": queue.name,
        "redelivered": False,
        "content_type": "image/x",
        "message_id": "7",
        "headers": {"n": 1, "raw": "\\xfe"},
        "value_base64": "/wA=",
    }


async def test_what_does_not_fit_into_the_output_goes_back_to_the_queue(
    rabbitmq: RabbitmqServer, channel: AbstractChannel, queue: AbstractQueue
) -> None:
    await put(channel, queue, b"a" * 400, b"b" * 400, b"c" * 400)
    ran = await run_task(consume(queue, max_messages=3), connection(rabbitmq), max_output_bytes=1_000)
    assert (ran.status, len(ran.stdout.split())) == (ExecutionStatus.SUCCEEDED, 2)
    failed(await run_task(consume(queue), connection(rabbitmq), max_output_bytes=100), Reason.TOO_LARGE)
    await holds(queue, b"c" * 400)


async def test_a_cancel_gives_back_what_was_printed(
    rabbitmq: RabbitmqServer, channel: AbstractChannel, queue: AbstractQueue
) -> None:
    await put(channel, queue, b"one")
    async with started_task(consume(queue, max_messages=2), connection(rabbitmq), redact=[]) as running:
        await running.prints(b"one\n")
        running.cancel()
        assert (await running.ended()).status is ExecutionStatus.CANCELLED
    await holds(queue, b"one")


async def test_with_some_messages_in_the_jobs_time_it_is_content(
    rabbitmq: RabbitmqServer, channel: AbstractChannel, queue: AbstractQueue
) -> None:
    await put(channel, queue, b"one")
    async with started_task(
        consume(queue, max_messages=2), connection(rabbitmq), timeout_secs=2, redact=[]
    ) as running:
        await running.prints(b"one\n")
        assert (await running.ended()).status is ExecutionStatus.SUCCEEDED
    await holds(queue)
    ran = await run_task(consume(queue), connection(rabbitmq), timeout_secs=0.3)
    assert (ran.status, ran.outcome.reason) == (ExecutionStatus.TIMED_OUT, Reason.TIMEOUT)


async def test_a_queue_that_is_not_there_or_is_deleted_is_a_failure(
    rabbitmq: RabbitmqServer, channel: AbstractChannel, queue: AbstractQueue
) -> None:
    assert "no queue 'gone'" in failed(
        await run_task(consume("gone"), connection(rabbitmq)), Reason.DRIVER_ERROR
    )
    async with started_task(consume(queue), connection(rabbitmq)) as running:
        await has_consumer(channel, queue)
        await queue.delete(if_unused=False)
        failed(await running.ended(), Reason.DRIVER_ERROR)


async def test_a_wrong_password_is_a_refused_login(rabbitmq: RabbitmqServer) -> None:
    url = f"amqp://{USER}:not-this-one@127.0.0.1:{rabbitmq.port}/"
    message = failed(await run_task(publish("x"), RabbitmqConfig(url=url), redact=[]), Reason.LOGIN_FAILED)
    assert f"RabbitMQ at 127.0.0.1:{rabbitmq.port} refused the login." in message
    assert "not-this-one" not in message


async def test_a_virtual_host_that_is_not_there_is_a_refused_login(rabbitmq: RabbitmqServer) -> None:
    url = f"{rabbitmq.url}no%2Fsuch%20host"
    message = failed(await run_task(consume("x"), RabbitmqConfig(url=url)), Reason.LOGIN_FAILED)
    assert "no/such host" in message


async def test_a_broker_that_is_not_there_is_a_clear_failure() -> None:
    config = RabbitmqConfig(url=f"amqp://u:geheim-9@127.0.0.1:{free_port()}")
    message = failed(await run_task(publish("x"), config, redact=[]), Reason.CONNECT_FAILED)
    assert message.startswith("Could not connect to RabbitMQ at 127.0.0.1:")
    assert "geheim" not in message


async def test_tls_needs_the_name_that_the_certificate_is_for(
    rabbitmq: RabbitmqServer, queue: AbstractQueue
) -> None:
    config = {
        "url": f"amqps://{USER}:{PASSWORD}@127.0.0.1:{rabbitmq.tls_port}",
        "tls_ca": rabbitmq.certificates.ca,
    }
    ran = await run_task(publish(queue.name), connection(rabbitmq, **config, tls_server_name=SERVER_NAME))
    assert ran.status is ExecutionStatus.SUCCEEDED
    message = failed(
        await run_task(publish(queue.name), connection(rabbitmq, **config)), Reason.CONNECT_FAILED
    )
    assert "certificate" in message.lower()


async def test_a_broker_that_dies_while_it_is_waited_for_is_a_failure(
    rabbitmq: RabbitmqServer, channel: AbstractChannel, queue: AbstractQueue
) -> None:
    async with relayed(rabbitmq.port) as relay:
        config = RabbitmqConfig(url=f"amqp://{USER}:{PASSWORD}@127.0.0.1:{relay.port}")
        async with started_task(consume(queue), config) as running:
            await has_consumer(channel, queue)
            relay.cut()
            message = failed(await running.ended(), Reason.DRIVER_ERROR)
    assert message.startswith(f"Taking from queue '{queue}' of RabbitMQ at 127.0.0.1")


async def test_what_an_agent_died_with_comes_again(
    rabbitmq: RabbitmqServer, channel: AbstractChannel, queue: AbstractQueue, tmp_path: Path
) -> None:
    await put(channel, queue, b"one")
    async with serving() as controller:
        agent = AgentProcess(controller, tmp_path)
        agent.start()
        try:
            task = consume(queue, max_messages=2)
            offered = assignment(task=task, connection=given(connection(rabbitmq)))
            await controller.offer(offered)
            await controller.until(lambda: controller.output(offered.execution_id) == "one\n")
            agent.kill()
            await holds(queue, b"one")
            agent.start()
            assert (await controller.result(offered.execution_id)).reason is Reason.INTERRUPTED
        finally:
            agent.kill()
            end_keepers(agent.state_dir)

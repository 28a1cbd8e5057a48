"""Redis tasks against a real Redis server."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from tests.integration.tasks.running import Ran, run_task, started_task
from tests.net import free_port
from tests.services.certificates import SERVER_NAME
from tests.services.redis import PASSWORD, USER, USER_PASSWORD, RedisServer, redis_server

from tocsin_shared.connections.configs import RedisConfig
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.tasks import RedisReadTask, RedisTask


@pytest.fixture
async def client(redis: RedisServer) -> AsyncIterator[Redis]:
    """Of somebody else, with an empty database."""
    async with Redis.from_url(redis.login_url) as client:
        await client.flushall()
        yield client


def connection(server: RedisServer, **more: object) -> RedisConfig:
    return RedisConfig.model_validate({"url": server.url, "password": PASSWORD, **more})


def publish(**more: object) -> RedisTask:
    return RedisTask.model_validate(
        {"type": "redis", "channel": "news", "message": "hello", "connection": "c", **more}
    )


def read(key: str = "work", **more: object) -> RedisReadTask:
    return RedisReadTask.model_validate({"type": "redis_read", "key": key, "connection": "c", **more})


def failed(ran: Ran, reason: Reason) -> str:
    """Its message, which is the last line on stderr too."""
    assert (ran.status, ran.outcome.reason) == (ExecutionStatus.FAILED, reason), ran.outcome
    assert ran.outcome.message is not None
    assert ran.errors.splitlines()[-1] == ran.outcome.message
    return ran.outcome.message


async def has_listeners(client: Redis, channel: str) -> None:
    async with asyncio.timeout(30):
        while (await client.pubsub_numsub(channel))[0][1] == 0:
            await asyncio.sleep(0.01)


async def test_publishing_prints_how_many_received_the_message(redis: RedisServer, client: Redis) -> None:
    async with client.pubsub() as listener:
        await listener.subscribe("news")
        await has_listeners(client, "news")
        ran = await run_task(publish(message="grün"), connection(redis))
        assert (ran.status, ran.outcome.exit_code, ran.text) == (ExecutionStatus.SUCCEEDED, 0, "1\n")
        while (message := await listener.get_message(timeout=30)) is not None and message[
            "type"
        ] != "message":
            pass
        assert message is not None
        assert message["data"] == "grün".encode()


async def test_a_task_can_say_all_itself(redis: RedisServer, client: Redis) -> None:
    task = RedisTask(type="redis", url=redis.login_url, channel="news", message="x")
    assert (await run_task(task)).text == "0\n"


@pytest.mark.parametrize(("mode", "printed", "left"), [("lpop", "a\nb\n", b"c"), ("rpop", "c\nb\n", b"a")])
async def test_elements_are_taken_from_either_end(
    redis: RedisServer, client: Redis, mode: str, printed: str, left: bytes
) -> None:
    await client.rpush("work", "a", "b", "c")
    ran = await run_task(read(mode=mode, count=2), connection(redis))
    assert (ran.status, ran.text) == (ExecutionStatus.SUCCEEDED, printed)
    assert await client.lrange("work", 0, -1) == [left]
    assert await client.keys() == [b"work"]


async def test_one_element_is_taken_unless_more_are_asked_for(redis: RedisServer, client: Redis) -> None:
    await client.rpush("work", "a", "b")
    assert (await run_task(read(), connection(redis))).text == "a\n"


async def test_an_empty_list_is_a_success_without_output(redis: RedisServer, client: Redis) -> None:
    ran = await run_task(read(count=10), connection(redis))
    assert (ran.status, ran.text) == (ExecutionStatus.SUCCEEDED, "")


async def test_binary_elements_are_printed_as_they_are_and_in_json_in_base64(
    redis: RedisServer, client: Redis
) -> None:
    await client.rpush("work", b"\xff\x00", "text", b"\xff\x00")
    assert (await run_task(read(), connection(redis))).stdout == b"\xff\x00\n"
    ran = await run_task(read(count=2, format="json"), connection(redis))
    assert [json.loads(line) for line in ran.stdout.splitlines()] == [
        {"key": "work", "value": "text"},
        {"key": "work", "value_base64": "/wA="},
    ]


async def test_what_does_not_fit_into_the_output_stays_in_the_list(redis: RedisServer, client: Redis) -> None:
    elements = [b"%d" % i * 300 for i in range(5)]
    await client.rpush("work", *elements)
    ran = await run_task(read(count=5), connection(redis), max_output_bytes=1_000)
    assert ran.stdout.split() == elements[:3]
    assert await client.lrange("work", 0, -1) == elements[3:]
    await client.lpush("work", b"x" * 2_000)
    assert "larger" in failed(
        await run_task(read(count=5), connection(redis), max_output_bytes=1_000), Reason.TOO_LARGE
    )
    assert await client.llen("work") == 3
    assert await client.keys() == [b"work"]


async def test_elements_lie_aside_until_they_are_acknowledged(redis: RedisServer, client: Redis) -> None:
    """Acknowledging is a DEL, which this user may not: as if the agent had died just before."""
    await client.rpush("work", "a", "b")
    await client.acl_setuser("careless", enabled=True, passwords="+pw", keys="*", commands=["+@all", "-del"])
    async with started_task(read(count=2), connection(redis, username="careless", password="pw")) as running:
        assert (await running.ended()).text == "a\nb\n"
    assert await client.lrange(f"work:tocsin:{running.execution_id}", 0, -1) == [b"a", b"b"]


async def test_a_wrong_password_is_a_refused_login(redis: RedisServer) -> None:
    message = failed(
        await run_task(publish(), connection(redis, password="not-this-one")), Reason.LOGIN_FAILED
    )
    assert f"Redis at 127.0.0.1:{redis.port} refused the login." in message
    assert "not-this-one" not in message
    failed(await run_task(read(), RedisConfig(url=redis.url)), Reason.LOGIN_FAILED)


async def test_a_user_of_its_own_goes_before_the_urls(redis: RedisServer, client: Redis) -> None:
    ran = await run_task(
        publish(), connection(redis, url=redis.login_url, username=USER, password=USER_PASSWORD)
    )
    assert ran.status is ExecutionStatus.SUCCEEDED


async def test_a_server_that_is_not_there_is_a_clear_failure() -> None:
    config = RedisConfig(url=f"redis://:geheim-9@127.0.0.1:{free_port()}")
    message = failed(await run_task(publish(), config, redact=[]), Reason.CONNECT_FAILED)
    assert message.startswith("Could not connect to Redis at 127.0.0.1:")
    assert "geheim" not in message


async def test_a_key_of_another_kind_is_the_drivers_error(redis: RedisServer, client: Redis) -> None:
    await client.set("work", "text")
    for mode in ("lpop", "xread"):
        assert "WRONGTYPE" in failed(await run_task(read(mode=mode), connection(redis)), Reason.DRIVER_ERROR)


async def test_tls_needs_the_name_that_the_certificate_is_for(redis: RedisServer, client: Redis) -> None:
    config = {"url": f"rediss://127.0.0.1:{redis.tls_port}", "tls_ca": redis.certificates.ca}
    ran = await run_task(publish(), connection(redis, **config, tls_server_name=SERVER_NAME))
    assert ran.status is ExecutionStatus.SUCCEEDED
    message = failed(await run_task(publish(), connection(redis, **config)), Reason.CONNECT_FAILED)
    assert "certificate" in message.lower()
    failed(await run_task(publish(), connection(redis, **{**config, "tls_ca": None})), Reason.CONNECT_FAILED)


async def test_messages_of_a_channel_are_printed_as_they_come(redis: RedisServer, client: Redis) -> None:
    async with started_task(read("news", mode="subscribe", count=2), connection(redis), redact=[]) as running:
        await has_listeners(client, "news")
        await client.publish("news", "one")
        await running.prints(b"one\n")
        await client.publish("news", b"\xfe")
        ran = await running.ended()
    assert (ran.status, ran.stdout) == (ExecutionStatus.SUCCEEDED, b"one\n\xfe\n")


async def test_listening_ends_with_the_jobs_timeout(redis: RedisServer, client: Redis) -> None:
    ran = await run_task(read("news", mode="subscribe"), connection(redis), timeout_secs=0.2)
    assert (ran.status, ran.outcome.reason) == (ExecutionStatus.TIMED_OUT, Reason.TIMEOUT)


async def test_without_a_timeout_some_messages_are_enough_after_the_usual_wait(
    redis: RedisServer, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin_agent.tasks.receiving.DEFAULT_WAIT_SECS", 0.5)
    ran = await run_task(read("news", mode="subscribe", count=2), connection(redis))
    assert (ran.status, ran.outcome.message) == (ExecutionStatus.TIMED_OUT, "Took longer than 0.5 s.")
    async with started_task(read("news", mode="subscribe", count=2), connection(redis)) as running:
        await has_listeners(client, "news")
        await client.publish("news", "one")
        ran = await running.ended()
    assert (ran.status, ran.text) == (ExecutionStatus.SUCCEEDED, "one\n")


async def test_a_server_that_freezes_does_not_keep_a_cancel() -> None:
    with redis_server() as server:
        async with Redis.from_url(server.login_url) as client:
            await client.rpush("work", *range(100_000))
        async with started_task(read(count=100_000), connection(server), redact=[]) as running:
            await running.prints(b"10")
            server.server.freeze()
            running.cancel()
            ran = await running.ended()
        server.server.thaw()
        async with Redis.from_url(server.login_url) as client:
            aside = await client.llen(f"work:tocsin:{running.execution_id}")
            assert await client.llen("work") + aside == 100_000
    assert ran.status is ExecutionStatus.CANCELLED
    assert f"it lies in the list 'work:tocsin:{running.execution_id}'" in ran.errors


async def test_a_server_that_answers_nothing_is_given_up_without_a_timeout_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tocsin_agent.tasks.redis.reading.LONGEST_SECS", 0.5)
    with redis_server() as server:
        server.server.freeze()
        ran = await run_task(read(), connection(server))
    assert (ran.status, ran.outcome.message) == (ExecutionStatus.TIMED_OUT, "Took longer than 0.5 s.")


async def test_listening_ends_when_it_is_cancelled(redis: RedisServer, client: Redis) -> None:
    async with started_task(read("news", mode="subscribe"), connection(redis)) as running:
        await has_listeners(client, "news")
        running.cancel()
        assert (await running.ended()).status is ExecutionStatus.CANCELLED
    assert (await client.pubsub_numsub("news"))[0][1] == 0


async def test_a_server_that_dies_while_it_is_listened_to_is_a_failure() -> None:
    with redis_server() as server:
        async with started_task(read("news", mode="subscribe"), connection(server)) as running:
            async with Redis.from_url(server.login_url) as client:
                await has_listeners(client, "news")
            server.server.kill()
            ran = await running.ended()
    assert failed(ran, Reason.DRIVER_ERROR).startswith("Listening on channel 'news' of Redis at 127.0.0.1")


async def test_a_cancel_puts_back_what_was_taken(redis: RedisServer, client: Redis) -> None:
    elements = [b"%06d" % i for i in range(100_000)]
    await client.rpush("work", *elements)
    async with started_task(read(count=100_000), connection(redis)) as running:
        await running.prints(b"000010")
        running.cancel()
        ran = await running.ended()
    assert ran.status is ExecutionStatus.CANCELLED
    assert await client.lrange("work", 0, -1) == elements
    assert await client.keys() == [b"work"]


async def test_a_stream_is_read_from_its_beginning_or_after_an_entry(
    redis: RedisServer, client: Redis
) -> None:
    for number in (1, 2, 3):
        await client.xadd("work", {"n": number, "raw": b"\xff"}, id=f"{number}-0")
    ran = await run_task(read(mode="xread", count=2, format="json"), connection(redis))
    assert [json.loads(line) for line in ran.stdout.splitlines()] == [
        {"id": f"{n}-0", "fields": {"n": str(n)}, "fields_base64": {"raw": "/w=="}} for n in (1, 2)
    ]
    assert ran.errors == "Last id: 2-0\n"
    ran = await run_task(read(mode="xread", count=200, after="2-0"), connection(redis))
    assert ran.text == '3-0 {"n": "3", "raw": "\\\\xff"}\n'


async def test_a_stream_can_be_waited_for(redis: RedisServer, client: Redis) -> None:
    await client.xadd("work", {"n": 1}, id="1-0")
    task = read(mode="xread", after="$", count=2)
    async with started_task(task, connection(redis), redact=[]) as running:
        async with asyncio.timeout(30):
            while (await client.info("clients"))["blocked_clients"] == 0:
                await asyncio.sleep(0.01)
        await client.xadd("work", {"n": 2}, id="2-0")
        await running.prints(b"2-0")
        await client.xadd("work", {"n": 3}, id="3-0")
        ran = await running.ended()
    assert ran.text == '2-0 {"n": "2"}\n3-0 {"n": "3"}\n'

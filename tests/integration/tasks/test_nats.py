"""Tasks that publish on NATS, against a real server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import nats as nats_py
import pytest
from tests.integration.tasks.running import PATIENCE_SECS, Ran, run_task, started_task
from tests.net import free_port
from tests.services.certificates import SERVER_NAME
from tests.services.nats import FORBIDDEN, MAX_PAYLOAD_BYTES, PASSWORD, USER, NatsServer, nats_server

from tocsin_shared.connections.configs import NatsConfig
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.tasks import NatsTask

LOGIN = {"username": USER, "password": PASSWORD}


def task(nats: NatsServer, **fields: Any) -> NatsTask:
    return NatsTask(**{"type": "nats", "url": nats.url, "subject": "orders.new", "message": "hello"} | fields)


def connection(nats: NatsServer, **fields: Any) -> NatsConfig:
    return NatsConfig(**{"url": nats.url, **LOGIN} | fields)


def shows(ran: Ran, reason: Reason, text: str) -> bool:
    """Whether it failed for this reason, says so everywhere, and nowhere with the password."""
    assert ran.outcome.message is not None
    assert ran.outcome.message in ran.errors
    assert PASSWORD not in ran.errors + ran.text
    return (ran.status, ran.outcome.reason) == (ExecutionStatus.FAILED, reason) and text in ran.errors


@asynccontextmanager
async def listening(nats: NatsServer, subject: str) -> AsyncIterator[Any]:
    """Somebody else's subscription."""
    client = await nats_py.connect(nats.url, user=USER, password=PASSWORD)
    subscription = await client.subscribe(subject)
    await client.flush()
    yield subscription
    await client.close()


@asynccontextmanager
async def cut_at_the_message(
    nats: NatsServer, *, hangs: bool = False
) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """The way to a server which ends as soon as a message is sent, or on which nothing comes any more.

    Yields its address, and what is set then.
    """
    came = asyncio.Event()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", nats.port)

        async def down() -> None:
            while data := await up_reader.read(65_536):
                writer.write(data)

        pumping = asyncio.create_task(down())
        while data := await reader.read(65_536):
            if b"PUB " in data:
                came.set()
                if not hangs:
                    break
                continue
            up_writer.write(data)
        pumping.cancel()
        for one in (writer, up_writer):
            one.close()

    async with await asyncio.start_server(relay, "127.0.0.1", 0) as server:
        yield f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}", came


async def test_a_message_arrives_with_its_headers(nats: NatsServer) -> None:
    async with listening(nats, "orders.>") as subscription:
        ran = await run_task(task(nats, message="grün", headers={"Trace-Id": "7"}, **LOGIN))
        assert ran.status is ExecutionStatus.SUCCEEDED, ran.errors
        assert json.loads(ran.text) == {"subject": "orders.new", "bytes": 5}
        message = await subscription.next_msg(timeout=PATIENCE_SECS)
    assert (message.subject, message.data, message.headers) == (
        "orders.new", "grün".encode(), {"Trace-Id": "7"},
    )  # fmt: skip


async def test_a_message_may_be_empty(nats: NatsServer) -> None:
    async with listening(nats, "orders.new") as subscription:
        assert (await run_task(task(nats, message="", **LOGIN))).status is ExecutionStatus.SUCCEEDED
        assert (await subscription.next_msg(timeout=PATIENCE_SECS)).data == b""


async def test_a_connection_goes_before_the_task(nats: NatsServer) -> None:
    mistaken = task(nats, url="nats://nowhere.invalid", username="nobody", password="nothing")
    with_url = NatsConfig(url=f"nats://{USER}:{PASSWORD}@127.0.0.1:{nats.port}")
    for one in (connection(nats), with_url):
        ran = await run_task(mistaken, one)
        assert ran.status is ExecutionStatus.SUCCEEDED, ran.errors


async def test_the_next_server_is_asked_when_one_does_not_answer(nats: NatsServer) -> None:
    both = f"nats://127.0.0.1:{free_port()}, {nats.url}".replace(" ", "")
    assert (await run_task(task(nats, url=both, **LOGIN))).status is ExecutionStatus.SUCCEEDED


async def test_fields_go_before_credentials_in_the_url(nats: NatsServer) -> None:
    old = nats.url.replace("//", "//old:outdated@")
    for wanted, config in (
        (task(nats), connection(nats, url=old)),
        (task(nats, url=old, **LOGIN), None),
    ):
        ran = await run_task(wanted, config)
        assert ran.status is ExecutionStatus.SUCCEEDED, ran.errors


async def test_a_token_logs_in() -> None:
    with nats_server(token="sesame@/sesame") as nats:
        in_url = nats.url.replace("//", "//sesame%40%2Fsesame@")
        for config in (NatsConfig(url=nats.url, token="sesame@/sesame"), NatsConfig(url=in_url)):
            ran = await run_task(task(nats), config)
            assert ran.status is ExecutionStatus.SUCCEEDED, ran.errors
        wrong = await run_task(task(nats), NatsConfig(url=nats.url, token="wrong"))
        assert shows(wrong, Reason.LOGIN_FAILED, "refused the login")


async def test_tls_is_spoken_with_who_has_the_right_certificate(nats: NatsServer) -> None:
    with nats_server(with_tls=True) as secured:
        good = connection(secured, tls_ca=secured.ca, tls_server_name=SERVER_NAME)
        assert (await run_task(task(secured), good)).status is ExecutionStatus.SUCCEEDED
        mismatch = await run_task(task(secured), connection(secured, tls_ca=secured.ca))
        assert shows(mismatch, Reason.CONNECT_FAILED, "not valid for '127.0.0.1'")
        unknown = await run_task(task(secured, **LOGIN))
        assert shows(unknown, Reason.CONNECT_FAILED, "certificate verify failed")


async def test_who_wants_tls_tells_no_password_without_it(nats: NatsServer) -> None:
    ran = await run_task(task(nats), connection(nats, tls=True))
    assert shows(ran, Reason.CONNECT_FAILED, "does not speak TLS")
    ran = await run_task(task(nats, url=nats.url.replace("nats:", "tls:"), **LOGIN))
    assert shows(ran, Reason.CONNECT_FAILED, "does not speak TLS")


@pytest.mark.parametrize("login", [{"username": USER, "password": "wrong"}, {}])
async def test_a_wrong_password_or_none_is_refused(nats: NatsServer, login: dict[str, str]) -> None:
    assert shows(await run_task(task(nats, **login)), Reason.LOGIN_FAILED, "Authorization Violation")


async def test_where_nobody_listens_there_is_no_connection(nats: NatsServer) -> None:
    nowhere = f"nats://{USER}:{PASSWORD}@127.0.0.1:{free_port()},nats://nowhere.invalid"
    ran = await run_task(task(nats, url=nowhere))
    assert shows(ran, Reason.CONNECT_FAILED, "nowhere.invalid:4222: ")
    ran = await run_task(task(nats, url=f"nats://{USER}:{PASSWORD}@127.0.0.1:99999"))
    assert shows(ran, Reason.CONNECT_FAILED, "127.0.0.1:99999: ")


async def test_a_message_larger_than_the_server_takes_is_told_as_that(nats: NatsServer) -> None:
    ran = await run_task(task(nats, message="x" * (MAX_PAYLOAD_BYTES + 1), **LOGIN))
    assert shows(ran, Reason.TOO_LARGE, "larger than the 65,536 that the server takes")
    with_headers = task(nats, message="x" * MAX_PAYLOAD_BYTES, headers={"a": "b"}, **LOGIN)
    assert shows(await run_task(with_headers), Reason.TOO_LARGE, "headers included")
    as_large_as_can_be = "x" * (MAX_PAYLOAD_BYTES - len("NATS/1.0\r\na: b\r\n\r\n"))
    exact = await run_task(task(nats, message=as_large_as_can_be, headers={"a": "b"}, **LOGIN))
    assert exact.status is ExecutionStatus.SUCCEEDED, exact.errors


async def test_a_subject_that_may_not_be_published_on_is_told(nats: NatsServer) -> None:
    ran = await run_task(task(nats, subject=FORBIDDEN, **LOGIN))
    assert shows(ran, Reason.DRIVER_ERROR, "permissions violation for publish")
    ran = await run_task(task(nats, subject="two words", **LOGIN))
    assert shows(ran, Reason.DRIVER_ERROR, "invalid subject")


async def test_a_stream_confirms_what_it_has_stored(nats: NatsServer) -> None:
    client = await nats_py.connect(nats.url, user=USER, password=PASSWORD)
    await client.jetstream().add_stream(name="BILLS", subjects=["bills.>"], max_msgs=2, discard="new")
    try:
        bill = task(nats, subject="bills.new", jetstream=True, headers={"Nats-Msg-Id": "7"}, **LOGIN)
        first, again = await run_task(bill), await run_task(bill)
        said = {"subject": "bills.new", "bytes": 5, "stream": "BILLS", "seq": 1}
        assert (json.loads(first.text), json.loads(again.text)) == (said, {**said, "duplicate": True})
        stored = await client.jetstream().get_last_msg("BILLS", "bills.new")
        assert (stored.seq, stored.data, stored.headers) == (1, b"hello", {"Nats-Msg-Id": "7"})
        assert (await run_task(task(nats, subject="bills.new", **LOGIN))).status is ExecutionStatus.SUCCEEDED
        full = await run_task(task(nats, subject="bills.new", jetstream=True, **LOGIN))
        assert shows(full, Reason.DRIVER_ERROR, "maximum messages exceeded")
        nobody = await run_task(task(nats, subject="unkept", jetstream=True, **LOGIN))
        assert shows(nobody, Reason.DRIVER_ERROR, "no stream takes this subject")
        forbidden = await run_task(task(nats, subject=FORBIDDEN, jetstream=True, **LOGIN))
        assert shows(forbidden, Reason.DRIVER_ERROR, "permissions violation for publish")

        async def chat(message: Any) -> None:
            await message.respond(b"17")

        await client.subscribe("chat", cb=chat)
        await client.flush()
        other = await run_task(task(nats, subject="chat", jetstream=True, **LOGIN))
        assert shows(other, Reason.DRIVER_ERROR, "what answered is no stream")
    finally:
        await client.close()


@pytest.mark.parametrize("jetstream", [False, True])
async def test_a_server_that_goes_away_before_it_confirms_is_told(nats: NatsServer, jetstream: bool) -> None:
    async with cut_at_the_message(nats) as (url, _):
        ran = await run_task(task(nats, url=url, jetstream=jetstream, **LOGIN))
    assert shows(ran, Reason.DRIVER_ERROR, "Publishing on 'orders.new' failed.")


async def test_a_task_that_waits_for_its_server_can_be_cancelled(nats: NatsServer) -> None:
    async with (
        cut_at_the_message(nats, hangs=True) as (url, came),
        started_task(task(nats, url=url, **LOGIN)) as running,
    ):
        await asyncio.wait_for(came.wait(), PATIENCE_SECS)
        running.cancel()
        assert (await running.ended()).status is ExecutionStatus.CANCELLED

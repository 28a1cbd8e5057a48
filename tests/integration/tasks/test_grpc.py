"""Methods of gRPC servers are called by what the servers say of themselves."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.tasks.running import Ran, run_task, started_task
from tests.net import free_port
from tests.services.grpc_server import NAME, SERVICE, TOKEN, GrpcServer, grpc_server

from tocsin_agent.tasks.grpc.channel import MAX_MESSAGE_BYTES
from tocsin_shared.connections.configs import GrpcConfig
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.tasks import GrpcTask


@pytest.fixture(scope="module")
def server() -> Iterator[GrpcServer]:
    with grpc_server() as started:
        yield started


@pytest.fixture(scope="module")
def secured() -> Iterator[GrpcServer]:
    with grpc_server(is_secured=True) as started:
        yield started


def call(server: GrpcServer, method: str, body: dict[str, Any] | None = None, **fields: Any) -> GrpcTask:
    task = {"type": "grpc", "host": server.address, "method": f"{SERVICE}/{method}", "body": body}
    return GrpcTask.model_validate(task | fields)


def lines(ran: Ran) -> list[Any]:
    assert ran.status is ExecutionStatus.SUCCEEDED, (ran.outcome, ran.errors)
    return [json.loads(line) for line in ran.text.splitlines()]


async def test_an_answer_is_a_line_of_json(server: GrpcServer) -> None:
    body = {"id": "3", "name": "größer\n", "payload": "AP8=", "placedAt": "2024-02-29T12:00:00Z"}
    ran = await run_task(call(server, "Echo", body))
    assert lines(ran) == [{"id": "3", "name": "größer\n", "payload": "AP8A/wD/"}]
    assert (ran.outcome.exit_code, ran.text.count("\n"), ran.errors) == (0, 1, "")


async def test_each_answer_of_a_stream_is_a_line(server: GrpcServer) -> None:
    ran = await run_task(call(server, "Watch", {"id": 3, "name": "x"}))
    assert [one.get("id", "0") for one in lines(ran)] == ["0", "1", "2"]


async def test_servers_with_the_older_reflection_are_understood() -> None:
    with grpc_server("v1alpha") as older:
        assert lines(await run_task(call(older, "Echo", {"name": "x"}))) == [{"name": "x"}]
    with grpc_server(None) as silent:
        ran = await run_task(call(silent, "Echo"))
        assert (ran.outcome.reason, ran.outcome.exit_code) == (Reason.DRIVER_ERROR, 12)
        assert "does not offer reflection" in ran.errors


async def test_headers_and_the_token_are_metadata(server: GrpcServer) -> None:
    config = GrpcConfig(host=server.address, token=TOKEN)
    task = call(server, "Greet", headers={"X-Name": "clerk", "x-raw-bin": "AP8="}, host="", connection="test")
    assert lines(await run_task(task, config)) == [{"name": "clerk", "payload": "AP8="}]
    ran = await run_task(task, GrpcConfig(host=server.address, token="hunter2hunter2"))
    assert (ran.outcome.reason, ran.outcome.exit_code) == (Reason.LOGIN_FAILED, 16)
    assert "who are you?" in ran.errors


async def test_the_status_is_the_exit_code(server: GrpcServer) -> None:
    ran = await run_task(call(server, "Fail", {"id": 5}))
    assert (ran.outcome.reason, ran.outcome.exit_code) == (Reason.DRIVER_ERROR, 5)
    assert ran.outcome.message == "Answered NOT_FOUND (5) where 0 was expected. (as you wish)"
    ran = await run_task(call(server, "Fail", {"id": 5}, expect_code=5))
    assert (ran.status, ran.outcome.exit_code) == (ExecutionStatus.SUCCEEDED, 5)
    ran = await run_task(call(server, "Echo", expect_code=5))
    assert (ran.outcome.reason, ran.outcome.exit_code) == (Reason.DRIVER_ERROR, 0)


async def test_what_can_not_be_called_is_told(server: GrpcServer) -> None:
    elsewhere = call(server, "Echo").model_copy(update={"method": "shop.None/Echo"})
    for task, code, text in (
        (call(server, "Nothing"), 12, "The service shop.Orders has no method Nothing."),
        (elsewhere, 12, "The server has no service shop.None."),
        (call(server, "Collect"), 12, "takes a stream of requests"),
        (call(server, "Echo", {"colour": "red"}), 3, 'no field named "colour"'),
        (call(server, "Echo", {"id": "many"}), 3, "The body does not fit shop.Order"),
        (call(server, "Echo", headers={"x-bin": "%"}), 3, "not base64"),
    ):
        ran = await run_task(task)
        assert (ran.outcome.reason, ran.outcome.exit_code) == (Reason.DRIVER_ERROR, code), ran.errors
        assert text in ran.errors


async def test_nobody_listening_is_told_as_that(server: GrpcServer) -> None:
    port = free_port()
    ran = await run_task(call(server, "Echo", host=f"127.0.0.1:{port}"))
    assert (ran.outcome.reason, ran.outcome.exit_code) == (Reason.CONNECT_FAILED, 14)
    assert f"127.0.0.1:{port}" in ran.errors


async def test_a_server_that_dies_in_the_middle_is_told_as_that() -> None:
    with grpc_server() as dying:
        async with started_task(call(dying, "Watch", {"id": 1, "name": "forever"})) as running:
            await running.prints(b'"name": "forever"')
            await asyncio.to_thread(dying.stop)
            ran = await running.ended()
        assert ran.outcome.reason in (Reason.CONNECT_FAILED, Reason.DRIVER_ERROR), ran.outcome
        assert ran.outcome.exit_code in (14, 1)
        assert ran.text == '{"name": "forever"}\n'


async def test_cancelling_ends_the_call_on_the_server(server: GrpcServer) -> None:
    server.cancelled.clear()
    async with started_task(call(server, "Watch", {"id": 1, "name": "forever"})) as running:
        await running.prints(b'"name": "forever"')
        running.cancel()
        assert (await running.ended()).status is ExecutionStatus.CANCELLED
    assert await asyncio.to_thread(server.cancelled.wait, 30)


async def test_the_timeout_is_the_deadline_of_the_call(server: GrpcServer) -> None:
    server.cancelled.clear()
    ran = await run_task(call(server, "Wait"), timeout_secs=0.5)
    assert (ran.status, ran.outcome.reason) == (ExecutionStatus.TIMED_OUT, Reason.TIMEOUT)
    assert await asyncio.to_thread(server.cancelled.wait, 30)


async def test_an_answer_that_is_too_large_is_refused(server: GrpcServer) -> None:
    body = {"id": MAX_MESSAGE_BYTES // 600_000 + 1, "payload": "A" * 800_000}
    ran = await run_task(call(server, "Echo", body))
    assert (ran.outcome.reason, ran.outcome.exit_code) == (Reason.TOO_LARGE, 8), ran.errors
    assert ran.stdout == b""


async def test_certificates_have_to_fit(secured: GrpcServer) -> None:
    task = call(secured, "Echo", {"name": "x"}, connection="test")
    fitting = {"host": secured.address, "tls_ca": secured.ca, "tls_server_name": NAME}
    for config in (fitting, {"host": secured.address, "tls_verify": False}):
        assert lines(await run_task(task, GrpcConfig.model_validate(config))) == [{"name": "x"}]
    for config in (
        {"host": secured.address, "tls_ca": secured.ca},
        {"host": secured.address, "tls": True},
        {"host": secured.address},
    ):
        ran = await run_task(task, GrpcConfig.model_validate(config))
        assert (ran.outcome.reason, ran.outcome.exit_code) == (Reason.CONNECT_FAILED, 14), ran.errors

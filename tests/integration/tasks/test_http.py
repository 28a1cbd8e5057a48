"""HTTP tasks against web servers of our own."""

import asyncio
import ssl
from typing import Any

import pytest
import trustme
from aiohttp import web
from tests.integration.tasks.running import Ran, run_task, started_task
from tests.net import free_port
from tests.services.http import Answer, web_server

from tocsin_shared.connections.configs import HttpConfig
from tocsin_shared.executions import Stream
from tocsin_shared.tasks import HttpTask

SECRET = "correct-horse-battery"


def http(url: str, method: str = "get", **given: Any) -> HttpTask:
    return HttpTask.model_validate({"type": "http", "method": method, "url": url, **given})


def via(path: str, method: str = "get", **given: Any) -> HttpTask:
    """A task with a connection."""
    return http(path, method, connection="test", **given)


def ended(ran: Ran) -> tuple[str, str | None, int | None]:
    return ran.outcome.status, ran.outcome.reason, ran.outcome.exit_code


def says(text: str, status: int = 200) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, status=status)

    return answer


def sends_to(place: dict[str, str], status: int = 302) -> Answer:
    """Redirects the paths that it knows, and greets on others."""

    async def answer(request: web.Request) -> web.Response:
        to = place.get(request.path)
        if to is None:
            return web.Response(text=f"{request.method} {await request.text()}")
        return web.Response(status=status, headers={"Location": to})

    return answer


@pytest.mark.parametrize(
    ("status", "expected", "outcome"),
    [
        (200, None, ("succeeded", None, 200)),
        (204, None, ("succeeded", None, 204)),
        (404, None, ("failed", "http_status", 404)),
        (404, 404, ("succeeded", None, 404)),
        (200, 201, ("failed", "http_status", 200)),
        (503, "any", ("succeeded", None, 503)),
    ],
)
async def test_the_status_decides_and_is_the_exit_code(
    status: int, expected: int | str | None, outcome: tuple[str, str | None, int]
) -> None:
    async with web_server(says("" if status == 204 else "body", status)) as server:
        ran = await run_task(http(f"{server.url}/x", expect_status=expected))
    assert ended(ran) == outcome
    assert ran.text == ("" if status == 204 else "body")


async def test_what_the_task_says_is_sent_as_it_is() -> None:
    async with web_server(says("")) as server:
        task = http(f"{server.url}/a%2Fb?q=1", "post", headers={"X-One": "1"}, body="größe")
        await run_task(task)
        (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/a%2Fb?q=1", "größe".encode())
    assert asked.headers["x-one"] == "1"


@pytest.mark.parametrize(
    ("config", "header", "value"),
    [
        ({"auth_type": "bearer", "token": SECRET}, "Authorization", f"Bearer {SECRET}"),
        (
            {"auth_type": "basic", "username": "u", "password": SECRET},
            "Authorization",
            "Basic dTpjb3JyZWN0LWhvcnNlLWJhdHRlcnk=",
        ),
        ({"auth_type": "header", "header_value": SECRET}, "X-API-Key", SECRET),
        ({"auth_type": "header", "header_name": "X-Mine", "header_value": SECRET}, "X-Mine", SECRET),
    ],
)
async def test_a_connection_gives_address_and_credentials(
    config: dict[str, Any], header: str, value: str
) -> None:
    async with web_server(says("ok")) as server:
        connection = HttpConfig(base_url=f"{server.url}/api/?v=1", **config)
        # What the connection says goes before what the task says.
        ran = await run_task(via("/jobs?x=2", headers={header.lower(): "mine"}), connection)
        assert ended(ran) == ("succeeded", None, 200)
        assert server.paths == ["GET /api/jobs?v=1&x=2"]
        assert server.header(header) == [value]


async def test_credentials_do_not_follow_a_redirect_to_another_origin_nor_back() -> None:
    home_places, other_places = {"/hop": "/same"}, dict[str, str]()
    async with web_server(sends_to(home_places)) as home, web_server(sends_to(other_places)) as other:
        home_places["/same"] = f"{other.url}/away"
        other_places["/away"] = f"{home.url}/back"
        connection = HttpConfig(base_url=home.url, auth_type="header", header_value=SECRET)
        task = via("/hop", headers={"Cookie": "c=1", "Authorization": "x", "X-Other": "y"})
        ran = await run_task(task, connection)
        assert ran.text == "GET "
        assert home.paths == ["GET /hop", "GET /same", "GET /back"]
        assert home.header("X-API-Key") == [SECRET, SECRET, None]
        assert home.header("Cookie") == ["c=1", "c=1", None]
        (away,) = other.asked
        assert not {"x-api-key", "cookie", "authorization"} & away.headers.keys()
        assert away.headers["x-other"] == "y"


async def test_an_address_of_another_origin_is_not_called_with_a_connection() -> None:
    async with web_server(says("ok")) as server, web_server(says("ok")) as other:
        connection = HttpConfig(base_url=f"{server.url}/api", auth_type="bearer", token=SECRET)
        ran = await run_task(via(f"{other.url}/x"), connection)
        assert ended(ran) == ("failed", "bad_connection", None)
        assert f"The task's address is {other.url}, but its connection is for {server.url}" in ran.errors
        ran = await run_task(via(f"{server.url}/elsewhere"), connection)
        assert ended(ran) == ("succeeded", None, 200)
        assert (server.paths, other.paths) == (["GET /elsewhere"], [])


@pytest.mark.parametrize(
    ("status", "method", "arrives"),
    [
        (301, "post", "GET "),
        (302, "post", "GET "),
        (302, "put", "PUT text"),
        (303, "put", "GET "),
        (307, "post", "POST text"),
        (308, "post", "POST text"),
    ],
)
async def test_a_redirect_changes_the_method_as_browsers_do(status: int, method: str, arrives: str) -> None:
    async with web_server(sends_to({"/hop": "next"}, status)) as server:
        ran = await run_task(http(f"{server.url}/hop", method, body="text"))
    assert ran.text == arrives


@pytest.mark.parametrize(
    ("to", "said"), [("/hop", "More than 10 redirects."), ("file:///etc/passwd", "what is no HTTP address")]
)
async def test_a_redirect_without_end_or_sense_is_not_followed(to: str, said: str) -> None:
    async with web_server(sends_to({"/hop": to})) as server:
        ran = await run_task(http(f"{server.url}/hop"))
    assert ended(ran) == ("failed", "http_error", None)
    assert said in ran.errors


async def test_tls_is_checked_as_the_connection_says() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    pem = authority.cert_pem.bytes().decode()
    async with web_server(says("ok"), context) as server:

        async def asked(**given: Any) -> tuple[str, str | None, int | None]:
            ran = await run_task(via("/x"), HttpConfig(base_url=server.url, **given))
            assert ran.status == "succeeded" or "certificate verify failed" in ran.errors
            return ended(ran)

        assert await asked() == ("failed", "connect_failed", None)
        # Trusted, but of another name.
        assert await asked(tls_ca=pem) == ("failed", "connect_failed", None)
        assert server.asked == []
        assert await asked(tls_ca=pem, tls_server_name="localhost") == ("succeeded", None, 200)
        assert await asked(tls_verify=False) == ("succeeded", None, 200)


async def test_a_client_certificate_is_shown_to_its_own_server_only() -> None:
    authority = trustme.CA()
    pem = authority.cert_pem.bytes().decode()
    mine = authority.issue_cert("client")

    def tls(verify: ssl.VerifyMode) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        authority.configure_trust(context)
        context.verify_mode = verify
        return context

    async with web_server(says("ok"), tls(ssl.CERT_REQUIRED)) as server:
        chain = "".join(blob.bytes().decode() for blob in mine.cert_chain_pems)
        connection = HttpConfig(
            base_url=server.url, tls_ca=pem, tls_cert=chain, tls_key=mine.private_key_pem.bytes().decode()
        )
        assert ended(await run_task(via("/x"), connection)) == ("succeeded", None, 200)
        async with web_server(sends_to({"/hop": f"{server.url}/x"})) as start:
            # Another origin's server is not trusted by what this connection trusts either.
            elsewhere = connection.model_copy(update={"base_url": start.url})
            ran = await run_task(via("/hop"), elsewhere)
            assert ended(ran) == ("failed", "connect_failed", None)


async def test_a_server_that_is_down_is_told_by_its_name() -> None:
    port = free_port()
    ran = await run_task(http(f"http://127.0.0.1:{port}/{SECRET}"))
    assert ended(ran) == ("failed", "connect_failed", None)
    assert f"Could not connect to 127.0.0.1:{port}." in ran.errors
    assert SECRET not in ran.errors


async def test_a_server_that_dies_while_it_answers_fails_the_task_and_keeps_what_came() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    async with web_server(answer) as server:
        ran = await run_task(http(server.url))
    assert ended(ran) == ("failed", "http_error", None)
    assert ran.text in ("half", "")
    assert "The request failed." in ran.errors


async def test_bytes_arrive_as_they_are_and_no_more_than_is_kept() -> None:
    payload = bytes(range(256)) * 40_000

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=payload)

    async with web_server(answer) as server:
        assert (await run_task(http(server.url), max_output_bytes=len(payload))).stdout == payload
        small = await run_task(http(server.url), max_output_bytes=100_000)
    assert ended(small) == ("succeeded", None, 200)
    assert len(small.stdout) <= 110_000


async def test_output_is_live_and_a_cancel_hangs_up() -> None:
    gone = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        try:
            while True:
                await asyncio.sleep(0.05)
                await response.write(b".")
        except (ConnectionError, asyncio.CancelledError):
            gone.set()
            raise

    async with web_server(answer) as server, started_task(http(server.url)) as running:
        await running.prints(b"first", Stream.STDOUT)
        running.cancel()
        assert ended(await running.ended()) == ("cancelled", "cancelled", None)
        async with asyncio.timeout(30):
            await gone.wait()


async def test_no_answer_in_time_is_a_timeout() -> None:
    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async with web_server(answer) as server:
        ran = await run_task(http(server.url), timeout_secs=0.5)
    assert ended(ran) == ("timed_out", "timeout", None)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"auth_type": "bearer"}, "auth_type is 'bearer', but what it needs is missing"),
        ({"auth_type": "basic"}, "auth_type is 'basic', but what it needs is missing"),
        ({"auth_type": "bearer", "token": "a\nb"}, "credentials hold control characters"),
        ({"tls": True}, "wants TLS, but its base_url begins with http://"),
    ],
)
async def test_a_connection_that_makes_no_sense_says_so(config: dict[str, Any], said: str) -> None:
    async with web_server(says("ok")) as server:
        ran = await run_task(via("/x"), HttpConfig(base_url=server.url, **config))
        assert ended(ran) == ("failed", "bad_connection", None)
        assert said in ran.errors
        assert server.asked == []

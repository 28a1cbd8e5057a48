"""What holds for every request: headers, errors, limits on size and rate, and an absent database."""

import asyncio
import gzip
import zlib
from typing import Any

import aiohttp
import pytest
from tests.integration.api.conftest import Answer, Api, Serve, Served, key_of

from tocsin_controller.api.adapter import Adapter
from tocsin_controller.store.database import Database

JOB = {"name": "a", "task": {"type": "noop"}, "schedule": "manual"}


async def test_every_answer_carries_its_id_and_the_security_headers(api: Api) -> None:
    for api_, path in ((api, "/api/jobs"), (api.as_role(None), "/api/jobs"), (api, "/nowhere"), (api, "/")):
        answer = await api_.call("GET", path) if path != "/" else await api_.call("GET", "/")
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
        assert answer.headers["X-Request-Id"]
        assert "aiohttp" not in answer.headers["Server"]


async def test_a_caller_may_name_its_request(api: Api) -> None:
    answer = await api.call("GET", "/api/jobs/nope", headers={"X-Request-Id": "my-id 1"})
    assert answer.headers["X-Request-Id"] == answer.json["request_id"] == "my-id 1"
    for odd in ("x" * 129, "ü", "a\tb", ""):
        answer = await api.call("GET", "/api/jobs/nope", headers={"X-Request-Id": odd})
        assert answer.json["request_id"] != odd


async def test_pages_are_html_that_loads_nothing(api: Api) -> None:
    for path in ("/", "/api/docs"):
        answer = await api.as_role(None).call("GET", path)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert b"http://" not in answer.body.replace(b"http://www.w3.org", b"")


async def test_an_unknown_route_and_a_wrong_method_are_told_as_json(api: Api) -> None:
    answer = await api.call("GET", "/api/nope")
    assert (answer.status, answer.json["code"]) == (404, "not_found")
    answer = await api.call("PATCH", "/api/jobs")
    assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, POST"


async def test_probes_may_use_head(api: Api) -> None:
    answer = await api.as_role(None).call("HEAD", "/api/health")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_refused_without_reading_it_all(
    served: Served, chunked: bool
) -> None:
    api, sent = served.api, 0

    async def much() -> Any:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b"x" * 1024 * 1024
            await asyncio.sleep(0)

    headers = api.auth if chunked else {**api.auth, "Content-Length": str(100 * 1024 * 1024)}
    try:
        async with api.http.post(api.url + "/api/jobs", data=much(), headers=headers) as response:
            assert response.status == 413
            assert (await response.json())["code"] == "body_too_large"
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        pytest.skip("the connection was closed before the answer could be read")


async def test_routes_have_limits_of_their_own(api: Api) -> None:
    body = b'{"events": [], "padding": "%s"}' % (b"x" * 3_000_000)
    agent = await api.agent()
    path = f"/api/agents/{agent['agent_id']}/events"
    assert (await api.as_role("agent").call("POST", path, data=body)).status == 200
    assert (await api.call("POST", "/api/jobs", data=body)).status == 413


async def test_a_compressed_body_is_unpacked_but_no_bomb(api: Api) -> None:
    packed = {"Content-Encoding": "gzip"}
    raw = gzip.compress(b'{"name": "a", "task": {"type": "noop"}, "schedule": "manual"}')
    assert (await api.call("POST", "/api/jobs", data=raw, headers=packed)).status == 201
    bomb = gzip.compress(b" " * 200_000_000)
    assert (await api.call("POST", "/api/jobs", data=bomb, headers=packed)).status == 413


@pytest.mark.parametrize(
    ("encoding", "raw"),
    [
        ("gzip", b"this is not gzip"),
        ("gzip", gzip.compress(b"{}" * 100)[:-20]),
        ("deflate", zlib.compress(b"{}")[:-3]),
        ("br", b"\x00"),
    ],
    ids=["not gzip", "cut gzip", "cut deflate", "unknown"],
)
async def test_a_body_that_is_not_what_its_headers_say_is_refused(
    api: Api, encoding: str, raw: bytes
) -> None:
    headers = {**api.auth, "Content-Encoding": encoding}
    # Some are refused by aiohttp's parser, before there is a request: as text.
    async with api.http.post(api.url + "/api/jobs", data=raw, headers=headers) as response:
        assert response.status == 400
        assert b"Traceback" not in await response.read()


SMUGGLED = [
    b"GARBAGE\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /api/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
    b"POST /api/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
]


async def test_a_request_that_is_no_http_gets_400_and_nothing_more(served: Served) -> None:
    host, port = served.api.url.removeprefix("http://").split(":")
    for raw in SMUGGLED:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(raw)
        answer = await asyncio.wait_for(reader.read(65536), 5)
        assert answer.startswith(b"HTTP/1.")
        assert b" 400 " in answer.splitlines()[0]
        assert b"Traceback" not in answer
        writer.close()


async def test_keys_and_strangers_have_limits(serve: Serve) -> None:
    async with serve(rate_limit_public=2, rate_limit_authenticated=3) as served:
        viewer, stranger = served.api.as_role("viewer"), served.api.with_key("tsk_wrong")
        left = [
            (await viewer.call("GET", "/api/config")).headers.get("X-RateLimit-Remaining") for _ in range(2)
        ]
        assert left == ["1", "0"]
        assert (await stranger.call("GET", "/api/jobs")).status == 429
        assert (await stranger.call("GET", "/api/health")).status == 200
        answers = [await viewer.call("GET", "/api/jobs/groups") for _ in range(4)]
        assert [a.status for a in answers] == [200, 200, 200, 429]
        assert answers[0].headers["X-RateLimit-Limit"] == "3"
        assert 1 <= int(answers[3].headers["Retry-After"]) <= 65
        assert answers[3].headers["X-RateLimit-Remaining"] == "0"
        assert answers[3].json["code"] == "too_many_requests"
        assert (await served.api.as_role("operator").call("GET", "/api/jobs/groups")).status == 200


async def test_an_address_in_a_header_changes_nobodys_limit(serve: Serve) -> None:
    async with serve(rate_limit_public=3) as served:
        stranger = served.api.with_key("tsk_wrong")
        statuses = [
            (await stranger.call("GET", "/api/jobs", headers={"X-Forwarded-For": f"10.0.0.{n}"})).status
            for n in range(6)
        ]
        assert statuses == [401, 401, 401, 429, 429, 429]


async def test_behind_a_trusted_proxy_each_address_has_its_limit(serve: Serve) -> None:
    async with serve(rate_limit_public=1, trusted_proxies="127.0.0.0/8") as served:
        stranger = served.api.as_role(None)

        async def ask(address: str, accept: str = "*/*") -> Answer:
            headers = {"X-Forwarded-For": address, "Accept": accept}
            return await stranger.call("GET", "/api/config", headers=headers)

        assert [(await ask(address)).status for address in ("192.0.2.1", "192.0.2.2")] == [200, 200]
        assert (await ask("192.0.2.1")).json["code"] == "too_many_requests"


async def test_whoever_looks_with_a_browser_is_told_with_a_page(serve: Serve) -> None:
    async with serve(rate_limit_public=1) as served:
        headers = {"Accept": "text/html,*/*"}
        for status in (200, 429):
            async with served.api.http.get(f"{served.api.url}/", headers=headers) as answer:
                assert (answer.status, answer.content_type) == (status, "text/html")
        assert int(answer.headers["Retry-After"]) >= 1


async def test_limits_can_be_switched_off(serve: Serve) -> None:
    async with serve(rate_limit_enabled=False, rate_limit_public=1) as served:
        answers = [await served.api.as_role(None).call("GET", "/api/config") for _ in range(5)]
        assert [a.status for a in answers] == [200] * 5
        assert "X-RateLimit-Limit" not in answers[0].headers


async def test_while_the_database_is_away_callers_are_told_to_come_back(
    served: Served, database: Database
) -> None:
    api = served.api
    await api.get("/api/jobs")  # the key is known from now on
    await database.close()
    for method, path, body in (
        ("GET", "/api/jobs", None),
        ("POST", "/api/jobs", JOB),
        ("GET", "/api/executions", None),
        ("GET", "/api/health/ready", None),
    ):
        answer = await api.call(method, path, body)
        assert (answer.status, answer.json["code"]) == (503, "unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
    stranger = await api.with_key("tsk_never-seen").call("GET", "/api/jobs")
    assert stranger.status == 503
    health = await api.as_role(None).call("GET", "/api/health")
    assert (health.status, health.json["status"], health.json["db"]["ok"]) == (200, "degraded", False)


async def test_a_defect_is_answered_without_its_text(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("SELECT secret FROM internals")

    monkeypatch.setattr(Adapter, "_admit", broken)
    answer = await served.api.call("GET", "/api/jobs", headers={"X-Request-Id": "the-defect"})
    assert (answer.status, answer.json["error"], answer.json["code"]) == (500, "internal error", "internal")
    assert b"secret" not in answer.body
    logged = capsys.readouterr().out
    assert "the-defect" in logged
    assert "RuntimeError" in logged
    assert key_of("admin") not in logged


async def test_query_parameters_are_checked_by_name(api: Api) -> None:
    answer = await api.call("GET", "/api/executions?stauts=failed&status=odd&since=yesterday&job_id=x")
    found = {d["field"]: d["reason"] for d in answer.json["details"]}
    assert found["stauts"] == "is not a known field"
    assert found["status"].startswith("must be one of 'pending_approval', 'pending'")
    assert found["since"] == "must be an instant such as 2026-01-31T08:30:00Z"
    assert found["job_id"] == "must be a UUID"
    twice = await api.call("GET", "/api/executions?status=failed&status=lost")
    assert twice.json["details"] == [{"field": "status", "reason": "is given twice"}]


async def test_pages_are_clamped(api: Api) -> None:
    for query, expected in (
        ("page=0", (1, 20)),
        ("page=-5&per_page=0", (1, 1)),
        ("page=99999999999999999999&per_page=99999999999999999999", (1_000_000, 100)),
        ("page=&per_page=", (1, 20)),
    ):
        page = await api.get(f"/api/jobs?{query}")
        assert (page["page"], page["per_page"], page["data"]) == (*expected, [])
    for query in ("page=x", "per_page=1.5", "page=²"):
        assert (await api.call("GET", f"/api/jobs?{query}")).status == 400


async def test_who_i_am(api: Api) -> None:
    me = await api.as_role("viewer").get("/api/auth/me")
    assert (me["name"], me["role"], me["key_prefix"]) == ("test-viewer", "viewer", key_of("viewer")[:11])


async def test_a_schedule_can_be_previewed(api: Api) -> None:
    body = {
        "schedule": {"type": "cron", "value": "0 30 2 * * *"},
        "timezone": "Europe/Berlin",
        "after": "2026-03-28T12:00:00Z",
        "count": 2,
    }
    preview = await api.as_role("viewer").post("/api/schedules/preview", body)
    assert [f["at"] for f in preview["fires"]] == ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    assert preview["fires"][0]["notes"] == ["dst_gap"]
    answer = await api.call(
        "POST", "/api/schedules/preview", {"schedule": {"type": "cron", "value": "99 * * * *"}}
    )
    assert [d["field"] for d in answer.json["details"]] == ["schedule.value"]

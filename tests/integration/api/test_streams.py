"""Server-sent events: the output of executions, and the feed of events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import asyncpg
import pytest
from tests.integration.api.conftest import Api, Serve, Served, Worker, new_worker
from tests.integration.api.test_executions import started

from tocsin_controller.api import endless, waiters
from tocsin_shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    data: str
    id: str | None
    kind: str


class Reader:
    """Reads a stream event by event, as a browser does."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.comments: list[str] = []

    async def next(self) -> Event | None:
        """The next event; None at the end."""
        fields: dict[str, list[str]] = {}
        async with asyncio.timeout(10):
            async for raw in self.response.content:
                line = raw.decode().removesuffix("\n")
                if line.startswith(":"):
                    self.comments.append(line)
                elif line:
                    name, _, value = line.partition(": ")
                    fields.setdefault(name, []).append(value)
                elif fields:
                    event_id = fields.get("id", [None])[0]
                    return Event("\n".join(fields["data"]), event_id, fields.get("event", ["message"])[0])
        return None

    async def all(self) -> list[Event]:
        """Everything up to the end."""
        events = []
        while (event := await self.next()) is not None:
            events.append(event)
        return events


@asynccontextmanager
async def following(api: Api, path: str, last: str | None = None) -> AsyncIterator[Reader]:
    headers = api.auth | ({"Last-Event-ID": last} if last else {})
    async with api.http.get(api.url + path, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        yield Reader(response)


def lines(events: list[Event]) -> list[str]:
    return [e.data for e in events if e.kind == "message"]


def stream_of(execution: dict[str, Any]) -> str:
    return f"/api/executions/{execution['execution_id']}/stream"


async def test_output_comes_from_the_start_then_as_it_is_printed_then_the_end(
    api: Api, worker: Worker
) -> None:
    execution = await started(api, worker)
    await worker.write(execution, "one\ntw")
    async with following(api, stream_of(execution)) as reader:
        assert await reader.next() == Event("one", "4-0", "message")
        await worker.write(execution, "o\n")
        assert await reader.next() == Event("two", "8-0", "message")
        await worker.write(execution, "bad\n", "stderr")
        assert await reader.next() == Event("[stderr] bad", "8-4", "message")
        await worker.write(execution, "no end")
        await worker.finish(execution, "failed", reason="exit_code")
        assert await reader.next() == Event("no end", "14-4", "message")
        done = await reader.next()
        assert done is not None
        assert done.kind == "done"
        assert json.loads(done.data) == {"status": "failed", "exit_code": 1, "reason": "exit_code"}
        assert await reader.next() is None


async def test_what_has_ended_can_still_be_followed(api: Api, worker: Worker) -> None:
    execution = await started(api, worker)
    await worker.write(execution, "a\r\nb\rc\n\n")
    await worker.finish(execution)
    async with following(api, stream_of(execution)) as reader:
        events = await reader.all()
    assert lines(events) == ["a", "b\nc", ""]
    assert events[-1].kind == "done"


async def test_a_reader_goes_on_exactly_where_it_was_cut_off(api: Api, worker: Worker) -> None:
    execution = await started(api, worker)
    for n in range(30):
        await worker.write(execution, f"out {n}\nou", "stdout")
        await worker.write(execution, f"t {n}\n", "stdout")
        await worker.write(execution, f"err {n}\n", "stderr")
    await worker.finish(execution)
    path = stream_of(execution)
    async with following(api, path) as reader:
        whole = await reader.all()
    assert len(whole) == 91
    for seen in (0, 1, 17, 44, 88, 89):
        last = whole[seen].id
        async with following(api, path, last) as reader:
            assert await reader.all() == whole[seen + 1 :]
        async with following(api, f"{path}?last_event_id={last}") as reader:
            assert lines(await reader.all()) == lines(whole[seen + 1 :])


async def test_much_output_is_streamed_in_order(api: Api, worker: Worker) -> None:
    execution = await started(api, worker)
    expected = [f"line {n} {'x' * (n % 97)}" for n in range(20_000)]
    for start in range(0, len(expected), 500):
        await worker.write(execution, "".join(line + "\n" for line in expected[start : start + 500]))
    await worker.finish(execution)
    async with following(api, stream_of(execution)) as reader:
        assert lines(await reader.all()) == expected


async def test_any_controller_streams_what_another_recorded(serve: Serve) -> None:
    async with serve() as one, serve() as other:
        worker = await new_worker(one.api)
        execution = await started(one.api, worker)
        async with following(other.api, stream_of(execution)) as reader:
            await worker.write(execution, "hello\n")
            assert await reader.next() == Event("hello", "6-0", "message")
            await worker.finish(execution)
            done = await reader.next()
            assert done is not None
            assert done.kind == "done"


async def test_a_waiting_execution_is_followed_until_it_is_cancelled(api: Api) -> None:
    job = await api.job()
    (execution_id,) = (await api.post(f"/api/jobs/{job['id']}/trigger"))["execution_ids"]
    async with following(api, f"/api/executions/{execution_id}/stream") as reader:
        await api.post(f"/api/executions/{execution_id}/cancel")
        done = await reader.next()
    assert done is not None
    assert json.loads(done.data)["status"] == "cancelled"


async def test_a_quiet_stream_is_kept_alive(
    api: Api, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endless, "KEEP_ALIVE_SECS", 0.05)
    execution = await started(api, worker)
    async with following(api, stream_of(execution)) as reader:
        await asyncio.sleep(0.3)
        await worker.finish(execution)
        await reader.all()
    assert reader.comments[:2] == [": ping", ": ping"]


async def test_endless_answers_carry_the_headers_of_all_answers(api: Api, worker: Worker) -> None:
    execution = await started(api, worker)
    async with following(api, stream_of(execution)) as reader:
        headers = reader.response.headers
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Request-Id"]
        assert headers["Cache-Control"] == "no-cache"
        assert headers["X-Accel-Buffering"] == "no"


async def test_streams_end_when_the_server_stops(served: Served, worker: Worker) -> None:
    execution = await started(served.api, worker)
    async with (
        following(served.api, stream_of(execution)) as reader,
        following(served.api, "/api/events/stream") as feed,
    ):
        await served.app.shutdown()
        assert await reader.next() is None
        assert await feed.next() is None


async def test_a_stream_ends_once_its_key_is_void(
    api: Api, worker: Worker, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endless, "RECHECK_SECS", 0.05)
    execution = await started(api, worker)
    path = f"/api/executions/{execution['execution_id']}"
    made = [await api.post("/api/keys", {"name": name, "role": "viewer"}) for name in ("revoked", "expired")]
    revoked, expired = (api.with_key(one["raw_key"]) for one in made)
    tickets = [(await revoked.post(path + "/stream-ticket"))["ticket"] for _ in range(2)]
    async with (
        following(api, "/api/events/stream") as stays,
        following(revoked, "/api/events/stream") as feed,
        following(api.as_role(None), f"{path}/stream?ticket={tickets[0]}") as by_ticket,
        following(expired, path + "/stream") as output,
    ):
        await connection.execute(
            "UPDATE api_keys SET expires_at = now() WHERE id = $1::uuid", made[1]["key"]["id"]
        )
        await api.delete(f"/api/keys/{made[0]['key']['id']}")
        assert await by_ticket.next() is None
        assert await output.next() is None
        assert all(event.kind == "message" for event in await feed.all())
        assert await stays.next() is not None
    answer = await api.as_role(None).call("GET", f"{path}/stream?ticket={tickets[1]}")
    assert answer.status == 401


async def test_a_key_has_so_many_streams_at_once_and_a_controller_too(
    api: Api, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiters, "MOST_OF_A_KEY", 2)
    monkeypatch.setattr(waiters, "MOST", 3)
    monkeypatch.setattr(endless, "RECHECK_SECS", 0.05)
    viewer, path = api.as_role("viewer"), "/api/events/stream"
    output = stream_of(await started(api, worker))
    async with following(api, path), following(viewer, path):
        async with following(api, output):
            for caller, asked in ((api, path), (viewer, path)):
                refused = await caller.call("GET", asked)
                assert (refused.status, refused.json["code"]) == (429, "too_many_requests")
                assert int(refused.headers["Retry-After"]) >= 1
        async with asyncio.timeout(30):
            while not await _opens(viewer, path):
                await asyncio.sleep(0.02)


async def _opens(api: Api, path: str) -> bool:
    async with api.http.get(api.url + path, headers=api.auth) as response:
        return response.status == 200


async def test_a_ticket_opens_one_stream_once(api: Api, worker: Worker) -> None:
    execution, other = await started(api, worker), await started(api, worker)
    await worker.finish(execution)
    nobody = api.as_role(None)
    made = await api.as_role("viewer").post(f"/api/executions/{execution['execution_id']}/stream-ticket")
    query = {"ticket": made["ticket"]}
    for path, asked in (
        (stream_of(other), query),
        (stream_of(execution), {"ticket": "x"}),
        (f"/api/executions/{execution['execution_id']}", query),
        ("/api/events/stream", query),
    ):
        assert (await nobody.call("GET", path, params=asked)).status == 401
    opened = await nobody.call("GET", stream_of(execution), params=query)
    assert opened.status == 200
    assert b"event: done" in opened.body
    assert (await nobody.call("GET", stream_of(execution), params=query)).status == 401


async def test_a_ticket_is_good_on_any_controller_and_for_a_minute(
    serve: Serve, connection: asyncpg.Connection
) -> None:
    async with serve() as one, serve() as other:
        worker = await new_worker(one.api)
        execution = await started(one.api, worker)
        await worker.finish(execution)
        path = f"/api/executions/{execution['execution_id']}"
        tickets = [(await one.api.post(path + "/stream-ticket"))["ticket"] for _ in range(2)]
        answer = await other.api.as_role(None).call("GET", f"{path}/stream?ticket={tickets[0]}")
        assert answer.status == 200
        await connection.execute("UPDATE idempotency_keys SET created_at = now() - interval '61 seconds'")
        answer = await other.api.as_role(None).call("GET", f"{path}/stream?ticket={tickets[1]}")
        assert answer.status == 401


async def test_there_is_no_ticket_and_no_stream_for_what_does_not_exist(api: Api) -> None:
    assert (await api.call("POST", f"/api/executions/{new_id()}/stream-ticket")).status == 404
    assert (await api.call("GET", f"/api/executions/{new_id()}/stream")).status == 404


async def test_events_are_fed_live_and_from_the_last_seen_one(api: Api) -> None:
    await api.job("before")
    async with following(api, "/api/events/stream") as feed:
        await asyncio.sleep(0.1)
        await api.job("after")
        event = await feed.next()
    assert event is not None
    told = json.loads(event.data)
    assert (told["kind"], told["id"]) == ("job.created", event.id)
    assert "'after'" in told["message"]
    await api.job("missed")
    async with following(api, "/api/events/stream", event.id) as feed:
        missed = await feed.next()
    assert missed is not None
    assert "'missed'" in json.loads(missed.data)["message"]


async def test_a_feed_from_an_event_that_is_still_to_come_starts_now(api: Api) -> None:
    async with following(api, "/api/events/stream", "ffffffff-ffff-ffff-ffff-ffffffffffff") as feed:
        await asyncio.sleep(0.1)
        await api.job("now")
        event = await feed.next()
    assert event is not None
    assert "'now'" in json.loads(event.data)["message"]


async def test_an_event_that_was_committed_late_is_fed_too(api: Api, connection: asyncpg.Connection) -> None:
    """Another controller's clock may be behind, or its transaction slow."""
    await api.job("one")
    async with following(api, "/api/events/stream") as feed:
        await asyncio.sleep(0.1)
        late_id = new_id()
        await asyncio.sleep(0.01)
        await api.job("two")
        first = await feed.next()
        assert first is not None
        await connection.execute(
            "INSERT INTO events (id, kind, severity, message) VALUES ($1, 'x', 'info', 'late')", late_id
        )
        late = await feed.next()
    assert late is not None
    assert json.loads(late.data)["id"] == str(late_id)
    assert late.id == first.id  # resuming does not go back


async def test_events_are_listed_in_pages_newest_first(api: Api) -> None:
    for n in range(7):
        await api.job(f"job {n}")
    first = await api.get("/api/events?per_page=3")
    assert [e["message"] for e in first["data"]] == [f"Job 'job {n}' was created" for n in (6, 5, 4)]
    assert (first["total"], first["per_page"], first["total_pages"]) == (7, 3, 3)
    assert (await api.get("/api/events"))["per_page"] == 50
    seen, after = [], ""
    while after is not None:
        page = await api.get("/api/events", params={"per_page": "3", "after": after})
        seen += [e["id"] for e in page["data"]]
        after = page["next"]
    assert len(set(seen)) == 7
    assert (await api.get("/api/events?since=9999-01-01T00:00:00Z"))["data"] == []

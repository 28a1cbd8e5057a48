"""Executions are found by what they printed."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from tests.integration.api.conftest import Api, Worker

from tocsin_controller.indexing import HEAD_BYTES, TAIL_BYTES, Indexing
from tocsin_controller.store.database import Database
from tocsin_controller.store.history import LAST_ID
from tocsin_controller.store.output_search import indexed_until
from tocsin_controller.store.partitions import TABLES
from tocsin_shared.ids import new_id


async def printed(
    api: Api, worker: Worker, stdout: bytes | str = "", stderr: bytes | str = "", **job: Any
) -> str:
    """The id of an execution that has ended and printed this."""
    made = await api.job(**job)
    await api.post(f"/api/jobs/{made['id']}/trigger")
    execution = await worker.take_one()
    for stream, data in (("stdout", stdout), ("stderr", stderr)):
        for start in range(0, len(data), 60_000):
            await worker.write(execution, data[start : start + 60_000], stream)
    await worker.finish(execution)
    return str(execution["execution_id"])


async def indexed(database: Database) -> None:
    """Until everything that has ended by now is findable; a round of the controller's own loop may come between."""
    asked = new_id()
    while await Indexing(database).once(settling=timedelta(0)) or await indexed_until(database) < asked:
        await asyncio.sleep(0.01)


async def found(api: Api, query: str, more: str = "") -> list[str]:
    page = await api.get(f"/api/executions/search?q={query}{more}")
    return [hit["id"] for hit in page["data"]]


async def test_words_and_phrases_are_found_with_their_lines(
    api: Api, worker: Worker, database: Database
) -> None:
    first = await printed(
        api, worker, "copying /srv/data\nNo space left on device\n", "cp: error 28\n", name="copy"
    )
    second = await printed(api, worker, b"left no space\x00\xff\xfe alone", name="other")
    await printed(api, worker, name="silent")
    await indexed(database)
    assert await found(api, "SPACE") == [second, first]
    assert await found(api, '"no space left"') == [first]
    assert await found(api, "space -device") == [second]
    assert await found(api, "/srv/data 28") == [first]
    assert await found(api, "spac") == []
    assert await found(api, "space", f"&job_id={new_id()}") == []
    assert await found(api, "space", "&status=failed") == []
    assert await found(api, "space", "&since=2100-01-01T00:00:00Z") == []
    (hit,) = (await api.as_role("viewer").get('/api/executions/search?q="space left" 28'))["data"]
    assert (hit["job_name"], hit["agent_name"], hit["status"]) == ("copy", "worker", "succeeded")
    assert hit["highlights"] == [
        {"stream": "stdout", "text": "No space left on device", "matches": [[3, 13]]},
        {"stream": "stderr", "text": "cp: error 28", "matches": [[10, 12]]},
    ]


async def test_pages_go_on_where_the_last_one_ended(api: Api, worker: Worker, database: Database) -> None:
    made = [await printed(api, worker, "needle") for _ in range(3)][::-1]
    await indexed(database)
    first = await api.get("/api/executions/search?q=needle&per_page=2")
    assert [hit["id"] for hit in first["data"]] == made[:2]
    assert await found(api, "needle", f"&per_page=2&after={first['next']}") == made[2:]
    assert await found(api, "needle", "&per_page=2&page=2") == made[2:]


async def test_of_a_long_output_the_beginning_and_the_end_are_searched(
    api: Api, worker: Worker, database: Database
) -> None:
    filler = "x " * (HEAD_BYTES + TAIL_BYTES)
    execution = await printed(api, worker, f"alpha {filler} beta {filler} omega")
    await indexed(database)
    assert [await found(api, word) for word in ("alpha", "omega", "beta")] == [[execution], [execution], []]
    (hit,) = (await api.get("/api/executions/search?q=omega"))["data"]
    assert all(len(one["text"]) <= 240 for one in hit["highlights"])
    (start, end) = hit["highlights"][0]["matches"][0]
    assert hit["highlights"][0]["text"][start:end] == "omega"


async def test_what_has_not_ended_is_found_once_it_has(
    api: Api, worker: Worker, database: Database, connection: asyncpg.Connection
) -> None:
    job = await api.job()
    await api.post(f"/api/jobs/{job['id']}/trigger")
    execution = await worker.take_one()
    await worker.write(execution, "needle")
    await indexed(database)
    assert await connection.fetchval("SELECT count(*) FROM unindexed") == 1
    await worker.finish(execution)
    await connection.execute("UPDATE unindexed SET look_at = now()")
    await indexed(database)
    assert await found(api, "needle") == [execution["execution_id"]]
    assert await connection.fetchval("SELECT count(*) FROM unindexed") == 0


async def test_a_cursor_beyond_all_time_is_as_good_as_none(
    api: Api, worker: Worker, database: Database
) -> None:
    made = await printed(api, worker, "needle")
    await indexed(database)
    assert await found(api, "needle", f"&after={LAST_ID}") == [made]


@pytest.mark.parametrize(
    "query", ["", "q=", "q=...", "q=-a", "q=" + "a%20" * 21, "q=a&page=200000&per_page=100"]
)
async def test_a_search_for_nothing_is_refused(api: Api, query: str) -> None:
    assert (await api.call("GET", f"/api/executions/search?{query}")).status == 400


def test_what_is_searched_goes_with_its_history() -> None:
    assert "output_search" in TABLES

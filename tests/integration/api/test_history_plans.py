"""The lists on a seeded history: which index serves them, and that they look at a bounded number of rows."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from tocsin_controller.store.database import Database
from tocsin_controller.store.history import FIRST_ID, LAST_ID
from tocsin_controller.store.partitions import ensure_partitions
from tocsin_controller.store.statements import sql
from tocsin_shared.ids import id_floor, new_id

DAYS = 4
PER_DAY = 6_000
JOBS = 20
WINDOW = 100

SEED = """
WITH s AS (
    SELECT (lpad(to_hex($1::bigint + n * 1000), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid AS id,
           $2::uuid[] AS jobs, n, CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'succeeded' END AS status
    FROM generate_series(1, $3::int) AS n
), r AS (
    INSERT INTO runs (id, job_id, job_version, status, trigger, open_executions, finished_at)
    SELECT id, jobs[1 + n % array_length(jobs, 1)], 1, status, '{}', 0, now() FROM s
), v AS (
    INSERT INTO events (id, kind, severity, message) SELECT id, 'x', 'info', '' FROM s
)
INSERT INTO executions (id, run_id, job_id, job_version, status, finished_at)
SELECT id, id, jobs[1 + n % array_length(jobs, 1)], 1, status, now() FROM s
"""


@dataclass(frozen=True)
class Seeded:
    connection: asyncpg.Connection
    jobs: list[UUID]

    async def plan(self, name: str, *args: Any, generic: bool = False) -> dict[str, Any]:
        """The executed plan, for these arguments or, as after some uses, for any."""
        mode = "force_generic_plan" if generic else "force_custom_plan"
        await self.connection.execute(f"SET plan_cache_mode = {mode}")
        answer = await self.connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql(name).sql}", *args)
        plan: dict[str, Any] = orjson.loads(answer)[0]["Plan"]
        return plan


@pytest.fixture
async def seeded(database: Database, database_url: str) -> AsyncIterator[Seeded]:
    today = datetime.now(UTC).date()
    async with database.transaction() as session:
        for days_ago in range(DAYS):
            await ensure_partitions(session, today - timedelta(days=days_ago))
    connection = await asyncpg.connect(database_url)
    jobs = [new_id() for _ in range(JOBS)]
    for days_ago in range(DAYS):
        start = datetime.combine(today - timedelta(days=days_ago), datetime.min.time(), UTC)
        await connection.execute(SEED, int(start.timestamp() * 1000), jobs, PER_DAY)
    await connection.execute("VACUUM ANALYZE")
    yield Seeded(connection, jobs)
    await connection.close()


def scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Relation Name" in plan:
        yield plan
    for child in plan.get("Plans", ()):
        yield from scans(child)


def rows_looked_at(plan: dict[str, Any]) -> float:
    touched: float = sum(
        (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"]
        for scan in scans(plan)
    )
    return touched


def whole_tables_read(plan: dict[str, Any]) -> set[str]:
    return {
        scan["Relation Name"]
        for scan in scans(plan)
        if scan["Node Type"] == "Seq Scan" and scan["Actual Loops"] and scan["Actual Rows"] > WINDOW
    }


@pytest.mark.parametrize("generic", [False, True])
async def test_lists_look_at_no_more_than_their_window(seeded: Seeded, generic: bool) -> None:
    everything, page = (LAST_ID, FIRST_ID), (0, 20)
    old = (id_floor(datetime.now(UTC) - timedelta(days=2)), FIRST_ID)
    nothing = new_id()
    job = seeded.jobs[3]
    asked: dict[str, tuple[Any, ...]] = {
        "executions_newest": (*everything, None, None, None, None, *page, WINDOW),
        "executions_by_status": (*everything, "failed", None, None, None, *page, WINDOW),
        "executions_of_jobs": (*everything, None, None, [job], *page, WINDOW),
        "runs_newest": (*everything, None, *page, WINDOW),
        "runs_by_status": (*everything, "failed", *page, WINDOW),
        "runs_of_job": (*everything, None, *page, WINDOW, job),
        "recent_statuses": (WINDOW,),
        "list_events": (None, None, 0, 50, WINDOW),
        "job_activity": ([job], WINDOW),
    }
    found = {}
    for name, args in asked.items():
        plan = await seeded.plan(name, *args, generic=generic)
        found[name] = rows_looked_at(plan), whole_tables_read(plan)
    # A merge of partitions reads one row ahead of each; the page's own rows are read again.
    most = WINDOW + 3 * DAYS + 60
    assert {name: one for name, one in found.items() if one[0] > most or one[1]} == {}
    for name, args in (
        ("executions_newest", (*old, None, None, None, None, *page, WINDOW)),
        ("executions_newest", (*everything, None, nothing, None, None, *page, WINDOW)),
        ("executions_newest", (*everything, "succeeded", None, "nope", None, *page, WINDOW)),
    ):
        assert rows_looked_at(await seeded.plan(name, *args, generic=generic)) <= most


@pytest.mark.parametrize("generic", [False, True])
async def test_counts_look_at_what_they_count(seeded: Seeded, generic: bool) -> None:
    minute = datetime.combine(datetime.now(UTC).date(), datetime.min.time(), UTC) + timedelta(minutes=10)
    bounds = id_floor(minute), id_floor(minute + timedelta(minutes=1))
    asked: dict[str, tuple[Any, ...]] = {
        "count_minutes": ([minute], [bounds[0]], [bounds[1]], 1_000),
        "count_jobs_in_range": (*bounds, 1_000, 50),
        "statuses_of_job": (seeded.jobs[3], id_floor(minute), WINDOW),
        "first_execution_from": (bounds[0],),
        "total_counts": (WINDOW,),
    }
    for name, args in asked.items():
        plan = await seeded.plan(name, *args, generic=generic)
        assert rows_looked_at(plan) <= WINDOW + 3 * DAYS, name
        assert not whole_tables_read(plan), name


async def test_types_of_jobs_are_counted_from_an_index_alone(seeded: Seeded) -> None:
    await seeded.connection.execute(
        "INSERT INTO jobs (id, name, group_name, status, version, definition)"
        "SELECT gen_random_uuid(), 'j' || n, 'g', 'paused', 1, $1::text::jsonb FROM generate_series(1, 5000) AS n",
        '{"task": {"type": "shell", "command": "' + "x" * 1_000 + '"}, "schedule": {"type": "cron"}}',
    )
    await seeded.connection.execute("VACUUM ANALYZE jobs")
    # Any snapshot elsewhere keeps pages from being marked as visible to all, and a small table tempts the planner.
    await seeded.connection.execute("SET enable_seqscan = off")
    plan = await seeded.plan("count_job_types")
    assert [scan["Node Type"] for scan in scans(plan)] == ["Index Only Scan"]


async def test_one_execution_touches_one_partition_of_each_table(seeded: Seeded) -> None:
    newest = await seeded.connection.fetchval("SELECT id FROM executions ORDER BY id DESC LIMIT 1")
    for name, args in (
        ("executions_shown", ([newest],)),
        ("execution_end", (newest,)),
        ("output_after", (newest, 0, 0, 16)),
        ("output_of_stream", (newest, 1, 0, 16)),
        ("output_tails", ([newest], 2_000)),
        ("output_heads", ([newest], 2_000)),
        ("runs_shown", ([newest],)),
    ):
        plan = await seeded.plan(name, *args)
        touched = [
            s["Relation Name"] for s in scans(plan) if s["Actual Loops"] and "_p2" in s["Relation Name"]
        ]
        tables = [table.rpartition("_p")[0] for table in touched]
        assert len(set(touched)) == len(set(tables)), (name, touched)


async def test_groups_are_found_by_skipping(seeded: Seeded) -> None:
    await seeded.connection.execute(
        "INSERT INTO jobs (id, name, group_name, status, version, definition) "
        "SELECT gen_random_uuid(), 'j' || n, 'g' || n % 5, 'paused', 1, '{}' FROM generate_series(1, 5000) AS n"
    )
    await seeded.connection.execute("ANALYZE jobs")
    plan = await seeded.plan("group_names")
    assert rows_looked_at(plan) <= 20


async def test_rare_words_are_found_by_the_index_and_common_ones_from_the_newest_on(seeded: Seeded) -> None:
    await seeded.connection.execute(
        "INSERT INTO output_search SELECT id, to_tsvector('simple', 'common ' || CASE WHEN row_number() OVER () = 7 "
        "THEN 'needle' ELSE md5(id::text) END) FROM executions"
    )
    await seeded.connection.execute("VACUUM ANALYZE output_search")
    for word in ("needle", "common"):
        plan = await seeded.plan("search_output", word, LAST_ID, FIRST_ID, 20, None, None)
        assert rows_looked_at(plan) <= WINDOW, word
        assert not whole_tables_read(plan), word

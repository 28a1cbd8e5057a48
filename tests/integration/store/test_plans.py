"""The hot statements: which index serves them, and how little they touch.

Planned as on the hot connections, once, while every table is empty and nothing is known of it; then held to what they
touch when the tables are full. A plan that only suits small tables would show here.
"""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from tocsin_controller.store.database import Database
from tocsin_controller.store.partitions import ensure_partitions
from tocsin_controller.store.postgres.session import HOT_PLANS
from tocsin_controller.store.statements import sql
from tocsin_shared.ids import new_id

ROWS = 20_000
BATCH = 50

SEED = """
INSERT INTO timers (job_id, job_version, priority, next_fire_at, anchor)
SELECT id, 1, 0, now() + make_interval(secs => n), now() FROM unnest($1::uuid[]) WITH ORDINALITY AS s (id, n);
"""
SEED_DEPENDENCIES = """
WITH steps AS (
    INSERT INTO pipeline_steps (pipeline_run_id, job_id, run_id) SELECT id, id, id FROM unnest($1::uuid[]) AS s (id)
)
INSERT INTO job_dependencies (parent_id, job_id, condition) SELECT id, id, 'success' FROM unnest($1::uuid[]) AS s (id)
"""
SEED_HISTORY = """
WITH s AS (SELECT id, n FROM unnest($1::uuid[]) WITH ORDINALITY AS s (id, n)),
r AS (INSERT INTO runs (id, job_id, job_version, status, trigger, open_executions)
      SELECT id, $2, 1, 'pending', '{}', 1 FROM s),
e AS (INSERT INTO executions (id, run_id, job_id, job_version, status) SELECT id, id, $2, 1, 'pending' FROM s),
q AS (INSERT INTO queue (execution_id, route, priority, expires_at, run_id, job_id, job_version, attempt_number)
      SELECT id, 'any:type-' || n % 10, 0, now() + interval '1 hour', id, $2, 1, 1 FROM s)
INSERT INTO leases (execution_id, agent_id, fence, run_id, job_id, job_version, attempt_number, expires_at)
SELECT id, $3, 1, id, $2, 1, 1, now() + interval '1 hour' FROM s
"""

#: What dispatch puts into the tasks that ask for it, and rollouts with a host each.
SEED_GIVEN = """
WITH v AS (INSERT INTO variables (name, value, updated_by)
           SELECT 'V' || n, 'x', 'a' FROM generate_series(1, $2::int) AS n),
s AS (INSERT INTO scripts (name, script_type, code, updated_by)
      SELECT 's' || n, 'starlark', '1', 'a' FROM generate_series(1, $2::int) AS n),
p AS (UPDATE runs SET params = '{}', rollout = '{"sizes": [1]}' WHERE id = ANY($1::uuid[]))
INSERT INTO rollout_waits (execution_id, run_id, batch, agent_id) SELECT id, id, 1, id FROM unnest($1::uuid[]) AS s (id)
"""


HOT = (
    "coming_timers", "next_wake", "launch", "claim", "queue_lanes", "lock_leases", "finish_executions",
    "start_executions", "settle_runs",
    "renew_leases", "end_plain", "insert_output", "substitution_values", "given_scripts",
    "rollout_batch", "rollout_facts",
)  # fmt: skip


@dataclass(frozen=True)
class Seeded:
    connection: asyncpg.Connection
    ids: list[UUID]
    agent_id: UUID

    async def plan(self, name: str, *args: Any) -> dict[str, Any]:
        """The plan as it was executed; what it did is rolled back."""
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            values = ", ".join(map(_literal, args))
            call = f"{name}({values})" if values else name
            answer = await self.connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {call}")
        finally:
            await transaction.rollback()
        plan: dict[str, Any] = orjson.loads(answer)[0]["Plan"]
        assert most_rows_of_a_list(plan) <= BATCH, "one list is read for every row of another"
        return plan


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return "'{" + ",".join("NULL" if item is None else f'"{item}"' for item in value) + "}'"
    return f"'{value}'"


@pytest.fixture
async def seeded(database: Database, database_url: str) -> AsyncIterator[Seeded]:
    async with database.transaction() as session:
        for days in (3, 0):
            await ensure_partitions(session, datetime.now(UTC).date() - timedelta(days))
    connection = await asyncpg.connect(database_url, server_settings=HOT_PLANS)
    for name in HOT:
        await connection.execute(f"PREPARE {name} AS {sql(name).sql}")
        parameters = max((int(n) for n in re.findall(r"\$(\d+)", sql(name).sql)), default=0)
        nothing = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
        await connection.execute(f"EXPLAIN EXECUTE {name}{nothing}")
    ids, agent_id = [new_id() for _ in range(ROWS)], new_id()
    await connection.execute(SEED, ids)
    await connection.execute(SEED_DEPENDENCIES, ids)
    await connection.execute(SEED_HISTORY, ids, new_id(), agent_id)
    await connection.execute(SEED_GIVEN, ids[:1000], 1000)
    yield Seeded(connection, ids, agent_id)
    await connection.close()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def indexes(plan: dict[str, Any]) -> set[str]:
    return {node["Index Name"] for node in nodes(plan) if "Index Name" in node}


def relations(plan: dict[str, Any]) -> set[str]:
    return {node["Relation Name"] for node in nodes(plan) if "Relation Name" in node}


def partitions_of_earlier_days(plan: dict[str, Any]) -> set[str]:
    today = f"_p{datetime.now(UTC):%Y%m%d}"
    return {name for name in relations(plan) if "_p" in name and name[name.rindex("_p") :] < today}


def most_rows_of_a_scan(plan: dict[str, Any]) -> float:
    scans = (n for n in nodes(plan) if "Relation Name" in n and "Scan" in n["Node Type"])
    touched: float = max(
        n["Actual Rows"] * n["Actual Loops"] + n.get("Rows Removed by Filter", 0) for n in scans
    )
    return touched


def most_rows_of_a_list(plan: dict[str, Any]) -> float:
    scans = (n for n in nodes(plan) if n["Node Type"] in ("CTE Scan", "Function Scan"))
    return max(
        ((n["Actual Rows"] + n.get("Rows Removed by Filter", 0)) * n["Actual Loops"] for n in scans),
        default=0,
    )


async def test_coming_timers_are_found_by_their_instant(seeded: Seeded) -> None:
    plan = await seeded.plan("coming_timers", 60.0)
    assert indexes(plan) == {"timers_due"}
    assert most_rows_of_a_scan(plan) <= 100


async def test_the_next_wake_costs_one_entry_of_each_index(seeded: Seeded) -> None:
    assert most_rows_of_a_scan(await seeded.plan("next_wake")) <= 1


async def test_firing_touches_the_timers_that_fire(seeded: Seeded) -> None:
    await seeded.connection.execute(
        "UPDATE timers SET next_fire_at = '2026-01-01Z' WHERE job_id < $1", seeded.ids[BATCH]
    )
    jobs, runs, executions = seeded.ids[:BATCH], *([new_id() for _ in range(BATCH)] for _ in range(2))
    n = len(jobs)
    plan = await seeded.plan(
        "launch",
        runs, jobs, [1] * n, ["pending"] * n, [None] * n, [None] * n, ["{}"] * n, [None] * n, ["2026-01-01Z"] * n,
        [1] * n, [None] * n, executions, runs, ["any:noop"] * n, [0] * n, [300.0] * n, [None] * n,
        jobs, [1] * n, ["2026-01-01Z"] * n, ["2027-01-01Z"] * n, [None] * n, [None] * n,
        jobs, [1] * n, ["2026-01-01Z"] * n,
    )  # fmt: skip
    assert most_rows_of_a_scan(plan) <= BATCH


def _claim(seeded: Seeded, low: int) -> tuple[Any, ...]:
    lane = ["any:type-3"], [0], [low], [BATCH]
    return *lane, [1] * BATCH, [seeded.agent_id], [None], [None], [45.0]


async def test_a_claim_touches_what_it_takes(seeded: Seeded) -> None:
    await seeded.connection.execute("DELETE FROM leases")
    await seeded.connection.execute(
        "INSERT INTO agents (id, name, agent_type, status, lease_expires_at)"
        " VALUES ($1, 'a', 'standard', 'online', now())",
        seeded.agent_id,
    )
    plan = await seeded.plan("claim", *_claim(seeded, 0))
    assert "queue_lanes" in indexes(plan)
    assert most_rows_of_a_scan(plan) <= BATCH


async def test_a_claim_starts_at_its_lower_bound(seeded: Seeded) -> None:
    assert most_rows_of_a_scan(await seeded.plan("claim", *_claim(seeded, ROWS - BATCH))) <= BATCH / 10


async def test_the_lanes_are_found_by_skipping(seeded: Seeded) -> None:
    assert most_rows_of_a_scan(await seeded.plan("queue_lanes")) <= 11


async def test_leases_are_locked_by_primary_key(seeded: Seeded) -> None:
    plan = await seeded.plan("lock_leases", seeded.ids[:BATCH])
    assert indexes(plan) == {"leases_pkey"}
    assert most_rows_of_a_scan(plan) <= BATCH


async def test_finishing_goes_by_primary_key_and_past_old_partitions(seeded: Seeded) -> None:
    """Never by the partial index on status, whose dead entries pile up."""
    ids = seeded.ids[:BATCH]
    n = len(ids)
    plan = await seeded.plan(
        "finish_executions",
        ids, ["succeeded"] * n, [None] * n, [None] * n, [seeded.agent_id] * n, [1] * n, [0] * n, [0.1] * n,
        [0.0] * n, [0] * n, [0] * n, [False] * n, [False] * n, [None] * n, [None] * n, ids[0],
    )  # fmt: skip
    assert partitions_of_earlier_days(plan) == set()
    assert not any("not_succeeded" in name or "status" in name for name in indexes(plan))
    assert most_rows_of_a_scan(plan) <= BATCH


async def test_starting_goes_by_primary_key(seeded: Seeded) -> None:
    ids = seeded.ids[:BATCH]
    n = len(ids)
    plan = await seeded.plan(
        "start_executions",
        ids,
        ids,
        [seeded.agent_id] * n,
        [1] * n,
        [0.0] * n,
        ids[0],
        ids[0],
    )
    assert not any("not_succeeded" in name for name in indexes(plan))
    assert most_rows_of_a_scan(plan) <= BATCH


async def test_runs_are_settled_by_primary_key_and_past_old_partitions(seeded: Seeded) -> None:
    ids = seeded.ids[:BATCH]
    n = len(ids)
    plan = await seeded.plan(
        "settle_runs",
        ids,
        [-1] * n,
        [1] * n,
        [0] * n,
        [0] * n,
        [0] * n,
        [0] * n,
        [None] * n,
        [None] * n,
        [0.1] * n,
        ids[0],
        [0.0] * n,
    )
    assert partitions_of_earlier_days(plan) == set()
    assert not any("not_succeeded" in name or "open" in name for name in indexes(plan))
    assert most_rows_of_a_scan(plan) <= BATCH


async def test_renewing_goes_by_primary_key(seeded: Seeded) -> None:
    ids = seeded.ids[:BATCH]
    plan = await seeded.plan("renew_leases", ids, [1] * BATCH, [seeded.agent_id] * BATCH, 45.0)
    assert most_rows_of_a_scan(plan) <= BATCH


async def test_plain_ends_go_by_primary_keys_and_past_old_partitions(seeded: Seeded) -> None:
    ids = seeded.ids[:BATCH]
    n = len(ids)
    plan = await seeded.plan(
        "end_plain",
        ids, ["succeeded"] * n, [None] * n, [None] * n, [seeded.agent_id] * n, [1] * n, [0] * n, [0.1] * n,
        [0.0] * n, [0] * n, [0] * n, [False] * n, [False] * n, [None] * n, [None] * n, ids[0], ids[0],
        [new_id() for _ in ids], ["success"] * n, ["it ended"] * n,
    )  # fmt: skip
    assert partitions_of_earlier_days(plan) == set()
    assert not any("not_succeeded" in name or "open" in name for name in indexes(plan))
    assert most_rows_of_a_scan(plan) <= BATCH


async def test_output_is_held_against_leases_by_primary_key(seeded: Seeded) -> None:
    ids = seeded.ids[:BATCH]
    n = len(ids)
    plan = await seeded.plan("insert_output", ids, [1] * n, [0] * n, [1] * n, ["x"] * n, [1] * n)
    assert "leases_pkey" in indexes(plan)
    assert most_rows_of_a_scan(plan) <= BATCH


async def test_values_and_scripts_for_tasks_are_read_by_their_keys(seeded: Seeded) -> None:
    ids = seeded.ids[:BATCH]
    for name, key in (("substitution_values", "variables_pkey"), ("given_scripts", "scripts_pkey")):
        names = [f"{'V' if key.startswith('v') else 's'}{n}" for n in range(1, BATCH)]
        plan = await seeded.plan(name, names, ids, ids[0])
        assert key in indexes(plan)
        assert partitions_of_earlier_days(plan) == set()
        assert most_rows_of_a_scan(plan) <= BATCH


async def test_a_batch_of_a_rollout_is_found_by_its_run(seeded: Seeded) -> None:
    plan = await seeded.plan("rollout_batch", seeded.ids[0], 3)
    assert "rollout_waits_by_run" in indexes(plan)
    assert most_rows_of_a_scan(plan) <= 1
    plan = await seeded.plan("rollout_facts", seeded.ids[:BATCH])
    assert "rollout_waits_by_run" in indexes(plan)
    assert most_rows_of_a_scan(plan) <= BATCH

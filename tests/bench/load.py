"""Putting jobs into a world, in bulk: through the schema the API writes, because a million POSTs would take hours."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from tests.bench.world import World
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobDefinition

INSERT = """
WITH s AS (
    SELECT id, 'bench-' || id AS name, n FROM unnest($1::uuid[]) WITH ORDINALITY AS s (id, n)
), j AS (
    INSERT INTO jobs (id, name, group_name, status, version, definition)
    SELECT id, name, 'Default', 'scheduled', 1, jsonb_set($2::jsonb, '{name}', to_jsonb(name)) FROM s
), v AS (
    INSERT INTO job_versions (job_id, version, definition)
    SELECT id, 1, jsonb_set($2::jsonb, '{name}', to_jsonb(name)) FROM s
)
INSERT INTO timers (job_id, job_version, priority, next_fire_at, anchor)
SELECT id, 1, 0, at, at FROM (SELECT id, now() + $3::interval + (n - 1) * $4::interval AS at FROM s) AS t
"""


async def store_interval_jobs(
    world: World,
    count: int,
    *,
    every_secs: int,
    task: dict[str, Any],
    first_in_secs: float = 1.0,
) -> list[UUID]:
    """Jobs that fire every so many seconds, evenly spread, from `first_in_secs` on, on any agent."""
    job = JobDefinition.model_validate(
        {
            "name": "bench",
            "task": task,
            "schedule": {"type": "interval", "value": {"interval_secs": every_secs}},
            "target": {"type": "any"},
        }
    )
    ids = [new_id() for _ in range(count)]
    stored = orjson.dumps(job.model_dump(mode="json")).decode()
    apart = timedelta(seconds=every_secs / count)
    for start in range(0, count, 20_000):
        part = ids[start : start + 20_000]
        first = timedelta(seconds=first_in_secs) + start * apart
        await world.db.execute(INSERT, part, stored, first, apart)
    await world.db.execute("SELECT pg_notify('tocsin', 'timers')")
    return ids

"""List pages on a long history."""

import time

from tests.bench.figures import Figure, spread
from tests.bench.world import World
from tocsin_shared.ids import new_id

FILL = """
INSERT INTO {table} (id, job_id, job_version, status, {more})
SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - $2::bigint + n), 12, '0') || '7000'
        || '8000' || lpad(to_hex(n + $3::bigint), 12, '0'))::uuid,
       $1, 1, CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'succeeded' END, {values}
FROM generate_series(1, $2::bigint) AS n
"""


async def list_pages(world: World) -> list[Figure]:
    """Pages of executions and runs, newest first, filtered and not, at ten million executions."""
    count = int(10_000_000 * world.scale)
    body = {"name": "history", "task": {"type": "noop"}, "schedule": {"type": "on_demand"}}
    job = await world.call("POST", "/api/jobs", body)
    run_id = new_id()
    chunk = 500_000
    for start in range(0, count, chunk):
        n = min(chunk, count - start)
        fill = FILL.format(table="executions", more="run_id, finished_at", values="$4::uuid, now()")
        await world.db.execute(fill, job["id"], n, start, run_id)
    await world.db.execute("ANALYZE executions")
    figures = []
    for what, path in {
        "executions, first page": "/api/executions?per_page=20",
        "executions, failed ones": "/api/executions?status=failed&per_page=20",
        "executions of a job": f"/api/jobs/{job['id']}/executions?per_page=20",
        "executions, 100th page": "/api/executions?per_page=20&page=100",
        "jobs": "/api/jobs",
    }.items():
        samples = []
        for _ in range(60):
            began = time.perf_counter()
            await world.call("GET", path)
            samples.append(time.perf_counter() - began)
        figures.append(Figure(f"{what}, at {count:,} executions", spread(samples[5:]), None, "p99 ≤ 50 ms"))
    return figures

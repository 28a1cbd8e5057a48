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


FILL_SEARCH = """
WITH made AS (
    INSERT INTO executions (id, run_id, job_id, job_version, status, finished_at, stdout_bytes)
    SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - $2::bigint + n), 12, '0') || '7000'
            || '8000' || lpad(to_hex(n + $3::bigint), 12, '0'))::uuid, $4::uuid, $1, 1, 'succeeded', now(), 60
    FROM generate_series(1, $2::bigint) AS n
    RETURNING id
)
INSERT INTO output_search (id, words)
SELECT id, to_tsvector('simple', 'copied files in seconds host' || abs(hashtext(id::text)) % 500
                                 || ' batch' || abs(hashtext(id::text || 'b')) % 100000)
FROM made
"""


async def search(world: World) -> list[Figure]:
    """Words that are in every output, in some and in few, over a million executions."""
    count = int(1_000_000 * world.scale)
    body = {"name": "searched", "task": {"type": "noop"}, "schedule": {"type": "on_demand"}}
    job = await world.call("POST", "/api/jobs", body)
    run_id = new_id()
    for start in range(0, count, 100_000):
        await world.db.execute(FILL_SEARCH, job["id"], min(100_000, count - start), start, run_id)
    await world.db.execute("ANALYZE output_search")
    figures = []
    for what, query in {"every": "copied+files", "some": "host7", "few": "batch777", "no": "nowhere"}.items():
        samples = []
        for _ in range(30):
            began = time.perf_counter()
            await world.call("GET", f"/api/executions/search?q={query}")
            samples.append(time.perf_counter() - began)
        name = f"search for words in {what} output, over {count:,} executions"
        figures.append(Figure(name, spread(samples[5:]), None, "p99 ≤ 500 ms"))
    return figures

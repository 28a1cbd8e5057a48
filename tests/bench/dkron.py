"""Jobs of Dkron's clients: 1,000 every 5 seconds, sent to its API, run by agents, counted where they ran."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, percentile, spread
from tests.bench.world import World

JOBS = 1_000
EVERY_SECS = 5
_SENT_AT_ONCE = 8

#: Instants between a job's first and its last that have no run, or several; and runs that did not succeed.
RUNS = """
WITH by_job AS (
    SELECT job_id, count(*) AS runs, count(DISTINCT scheduled_for) AS instants,
           extract(epoch FROM max(scheduled_for) - min(scheduled_for)) / $1::int + 1 AS due,
           max(scheduled_for) AS last
    FROM runs GROUP BY job_id
)
SELECT count(*) AS jobs, sum(runs)::bigint AS runs, round(sum(due - instants))::bigint AS missing,
       sum(runs - instants)::bigint AS doubled,
       count(*) FILTER (WHERE last < $2::timestamptz - 2 * $1::int * interval '1 second') AS ended_early,
       (SELECT count(*) FROM runs WHERE status <> 'succeeded') AS unsuccessful
FROM by_job
"""
LATENESS = """
SELECT extract(epoch FROM e.started_at - r.scheduled_for)::float8 AS secs
FROM executions AS e JOIN runs AS r ON r.id = e.run_id
"""
OPEN = "SELECT count(*) FROM runs WHERE finished_at IS NULL"


async def thousand_jobs(world: World) -> list[Figure]:
    """Ten minutes of them with --scale 1 --secs 600."""
    count = max(int(JOBS * world.scale), 20)
    ran = world.directory / "ran"
    await world.start_agents(4)
    ends_at = datetime.now(UTC) + timedelta(seconds=world.secs + count / 20)
    sent = await _send(world, count, ran, ends_at)
    pages, whole = await _ask(world, ends_at)
    deadline = time.monotonic() + 120
    while await world.db.fetchval(OPEN) and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    found = await world.db.fetchrow(RUNS, EVERY_SECS, ends_at)
    starts = Counter(ran.read_text().split())
    lost = found["missing"] + found["ended_early"] + found["runs"] - len(starts)
    doubled = found["doubled"] + sum(starts.values()) - len(starts)
    late = [row["secs"] for row in await world.db.fetch(LATENESS) if row["secs"] is not None]
    what = f"{count:,} Dkron jobs every {EVERY_SECS} s for {len(pages)} s"
    counts = f"{found['runs']:,} runs, {lost} lost, {doubled} doubled, {found['unsuccessful']} unsuccessful"
    return [
        Figure(what, counts, None, "none lost, none doubled"),
        Figure("the same: due → start", spread(late), None, None),
        Figure("the same: 25 of the list", _halves(pages), None, "flat"),
        Figure("the same: the whole list", _halves(whole), None, "flat"),
        Figure("the same: jobs sent", f"{count / sent:,.0f}/s", None, None),
    ]


async def _send(world: World, count: int, ran: Path, ends_at: datetime) -> float:
    """Seconds for all jobs. Each writes which run it is, once for each process that is started for it."""
    gate = asyncio.Semaphore(_SENT_AT_ONCE)

    async def send(number: int) -> None:
        job: dict[str, Any] = {
            "name": f"dkron-{number}",
            "schedule": f"@every {EVERY_SECS}s",
            "tags": {"role": "dkron:1"},
            "executor": "shell",
            "executor_config": {"command": f"echo $TOCSIN_RUN_ID >> {ran}", "shell": "true"},
            "expires_at": ends_at.isoformat(),
        }
        async with gate:
            await world.call("POST", "/v1/jobs", job)

    began = time.monotonic()
    await asyncio.gather(*(send(number) for number in range(count)))
    return time.monotonic() - began


async def _ask(world: World, until: datetime) -> tuple[list[float], list[float]]:
    """How long lists take, asked once a second until then: a page as Dkron's own pages ask for it, and all of it."""
    pages: list[float] = []
    whole: list[float] = []
    while datetime.now(UTC) < until:
        began = time.monotonic()
        await world.call("GET", "/v1/jobs?_sort=name&_order=ASC&_start=0&_end=25")
        page = time.monotonic()
        await world.call("GET", "/v1/jobs")
        pages.append(page - began)
        whole.append(time.monotonic() - page)
        await asyncio.sleep(max(0, 1 - pages[-1] - whole[-1]))
    return pages, whole


def _halves(samples: list[float]) -> str:
    middle = len(samples) // 2
    first, second = (
        f"{percentile(part, 0.99) * 1000:.0f} ms" for part in (samples[:middle], samples[middle:])
    )
    return f"p99 {first} in the first half, {second} in the second; {spread(samples)}"

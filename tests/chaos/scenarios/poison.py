"""Data that can't be processed: it is set aside with a reason, and everything else stays on time."""

import asyncpg

from tests.chaos.scenario import scenario
from tests.chaos.stage import Stage


@scenario(
    "F25",
    "jobs that can't be read, endless output, a schedule that is never due",
    shows=("G1", "G7"),
    is_short=True,
)
async def poison(stage: Stage) -> None:
    await stage.fleet.add_controller("c1")
    await stage.fleet.add_agent("a1")
    await stage.pulse()
    client = stage.fleet.client
    for name in ("torn", "strange"):
        await stage.job(name, 0.1, schedule={"type": "cron", "value": "0 0 0 1 1 *"})
    await stage.until_witnessed("pulse")
    await stage.sample("before")
    async with stage.fault("poison", "jobs"):
        never = await client.create(
            "never",
            {
                "schedule": {"type": "cron", "value": "0 0 0 30 2 *"},
                "task": {"type": "shell", "command": "true"},
            },
        )
        stage.expect(never.outcome == "fail", "a schedule that is never due was accepted")
        huge = await client.create(
            "huge",
            {"schedule": {"type": "on_demand"}, "task": {"type": "shell", "command": "x" * 10_000_000}},
        )
        stage.expect(huge.outcome == "fail", "a command of 10 MB was accepted")
        await _poison(stage, "torn", '{"name": "torn"}')
        await _poison(
            stage, "strange",
            '{"name": "strange", "task": {"type": "shell", "command": "true"},'
            ' "schedule": {"type": "cron", "value": "99 99 99 99 99 99"}}',
        )  # fmt: skip
        await client.create(
            "flood",
            {
                "task": {"type": "shell", "command": "head -c 300000000 /dev/zero | tr '\\0' x"},
                "schedule": {"type": "on_demand"},
                "target": {"type": "any"},
                "timeout_secs": 60,
            },
        )
        flood = await client.trigger("flood")
        (execution,) = (await client.get(f"/api/runs/{flood.run_id}"))["executions"]
        ended = await stage.until_status(execution["id"], "succeeded", "failed", "timed_out", secs=60)
    stage.healed()
    stage.expect(ended["stdout_truncated"], "300 MB of output were kept")
    events = [e for e in await client.all_of("/api/events") if e["kind"] == "job.quarantined"]
    stage.expect(len(events) >= 2, f"{len(events)} of 2 unreadable jobs were set aside with a reason")


async def _poison(stage: Stage, name: str, definition: str) -> None:
    """Make a job's stored definition unreadable, as an older release or a careless hand could, and let it be due."""
    connection = await asyncpg.connect(stage.fleet.dsn)
    try:
        job_id = await connection.fetchval("SELECT id FROM jobs WHERE name = $1", name)
        await connection.execute(
            "UPDATE jobs SET definition = $2::text::jsonb, version = version + 1 WHERE id = $1",
            job_id,
            definition,
        )
        await connection.execute(
            "INSERT INTO job_versions (job_id, version, definition)"
            " SELECT id, version, definition FROM jobs WHERE id = $1", job_id,
        )  # fmt: skip
        await connection.execute(
            "UPDATE timers SET job_version = (SELECT version FROM jobs WHERE id = $1), next_fire_at = now()"
            " WHERE job_id = $1",
            job_id,
        )
    finally:
        await connection.close()

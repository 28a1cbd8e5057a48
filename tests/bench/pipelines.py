"""Cascades: long chains, and one job that many wait for."""

from typing import Any
from uuid import UUID

from tests.bench.figures import Figure, spread
from tests.bench.world import World
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.wire import dumps

STORE = """
WITH made AS (
    INSERT INTO jobs (id, name, group_name, status, version, definition)
    SELECT id, name, 'bench', 'scheduled', 1, definition::jsonb
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS j (id, name, definition)
    RETURNING id, definition
), versions AS (
    INSERT INTO job_versions (job_id, version, definition) SELECT id, 1, definition FROM made
)
INSERT INTO job_dependencies (parent_id, job_id, condition)
SELECT parent_id, id, 'success' FROM unnest($1::uuid[], $4::uuid[]) AS w (id, parent_id) WHERE parent_id IS NOT NULL
"""
#: From the end of the run that a run waited for to its own beginning.
STEPS = """
SELECT extract(epoch FROM r.created_at - p.finished_at)::float8 AS secs
FROM runs AS r
JOIN runs AS p ON p.id = (r.trigger ->> 'parent_run_id')::uuid
"""


async def long_chain(world: World) -> list[Figure]:
    """A pipeline of 1,000 no-op jobs, each waiting for the one before."""
    steps = max(int(1_000 * world.scale), 10)
    await world.start_agents(1)
    ids = [new_id() for _ in range(steps)]
    await _store(world, ids, [None, *ids[:-1]])
    secs = await _run(world, ids[0], steps)
    samples = [row["secs"] for row in await world.db.fetch(STEPS)]
    return [
        Figure(
            f"pipeline of {steps:,} steps, whole", f"{secs:.1f} s ({steps / secs:,.0f} steps/s)", None, None
        ),
        Figure("the same: end of a step → next run", spread(samples), None, None),
    ]


async def many_dependents(world: World) -> list[Figure]:
    """One job that 10,000 wait for: until all of them have a run, and until all have ended."""
    children = max(int(10_000 * world.scale), 10)
    await world.start_agents(2)
    parent, ids = new_id(), [new_id() for _ in range(children)]
    await _store(world, [parent, *ids], [None, *([parent] * children)])
    secs = await _run(world, parent, children + 1)
    launched = await world.db.fetchval(
        "SELECT extract(epoch FROM max(r.created_at) - min(p.finished_at))::float8 FROM runs AS r "
        "JOIN runs AS p ON p.id = (r.trigger ->> 'parent_run_id')::uuid"
    )
    rate = f"{children / launched:,.0f}/s" if launched else "at once"
    return [
        Figure(f"{children:,} dependents of one job, all started", f"{launched:.2f} s ({rate})", None, None),
        Figure("the same, all ended", f"{secs:.1f} s", None, None),
    ]


async def _store(world: World, ids: list[UUID], parents: list[UUID | None]) -> None:
    definitions = [_definition(n, parent) for n, parent in enumerate(parents)]
    names = [one["name"] for one in definitions]
    texts = [dumps(one).decode() for one in definitions]
    await world.db.execute(STORE, ids, names, texts, parents)
    await world.db.execute("ANALYZE")


def _definition(number: int, parent: UUID | None) -> dict[str, Any]:
    definition = JobDefinition.model_validate(
        {
            "name": f"bench-{number}",
            "group": "bench",
            "task": {"type": "noop"},
            "schedule": {"type": "on_demand"},
            "target": {"type": "any"},
            "depends_on": [{"job_id": str(parent)}] if parent else [],
        }
    )
    return definition.model_dump(mode="json")


async def _run(world: World, first: UUID, runs: int) -> float:
    """Trigger the first job; how long until its pipeline run has ended with so many runs."""
    await world.call("POST", f"/api/jobs/{first}/trigger")
    ended = "SELECT count(*) FROM pipeline_runs WHERE status = 'succeeded'"
    await world.eventually(ended, at_least=1, timeout_secs=600)
    count = await world.db.fetchval("SELECT count(*) FROM runs WHERE status = 'succeeded'")
    if count != runs:
        raise RuntimeError(f"{count} runs instead of {runs}")
    secs: float = await world.db.fetchval(
        "SELECT extract(epoch FROM finished_at - created_at)::float8 FROM pipeline_runs"
    )
    return secs

"""Jobs start when those they wait for have ended: once for every completed set, wherever and whenever that was."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from tests.integration.engine.conftest import FakeAgent, Harness, now, result

from tocsin_controller.engine import build_engine
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database
from tocsin_controller.supervisor import supervise
from tocsin_shared.dependencies import Condition, is_met
from tocsin_shared.executions import RunStatus
from tocsin_shared.protocol import Assignment

RUNS = "SELECT count(*) FROM runs WHERE job_id = $1"
NOTHING_LEFT = "SELECT count(*) FROM outbox"


def on(*parents: UUID, **more: Any) -> list[dict[str, Any]]:
    """Waits for these jobs."""
    return [{"job_id": str(parent), **more} for parent in parents]


async def take(agent: FakeAgent, count: int = 1) -> dict[UUID, Assignment]:
    """The next assignments, by job."""
    taken: dict[UUID, Assignment] = {}
    while len(taken) < count:
        taken |= {a.job_id: a for a in (await agent.poll()).executions}
    return taken


async def settled(harness: Harness) -> None:
    """All that follows from what has happened has been done."""
    await harness.eventually(NOTHING_LEFT, equals=0)


async def runs_of(harness: Harness, job: UUID) -> int:
    await settled(harness)
    return int(await harness.connection.fetchval(RUNS, job))


async def pipelines(harness: Harness) -> list[str]:
    await settled(harness)
    rows = await harness.connection.fetch("SELECT status FROM pipeline_runs ORDER BY id")
    return [row["status"] for row in rows]


@pytest.mark.parametrize(
    ("ended", "started"),
    [
        ("succeeded", {"success", "always"}),
        ("failed", {"failure", "always"}),
        ("timed_out", {"failure", "always"}),
        ("cancelled", {"always"}),
    ],
)
async def test_a_job_starts_when_the_other_ended_as_it_should(
    harness: Harness, ended: str, started: set[str]
) -> None:
    parent = await harness.job()
    children = {
        condition: await harness.job(depends_on=on(parent, condition=condition))
        for condition in ("success", "failure", "always")
    }
    agent = await harness.agent()
    launched = await harness.trigger(parent)
    await agent.finish((await take(agent))[parent], ended)
    ran = {condition for condition, job in children.items() if await runs_of(harness, job)}
    assert ran == started
    trigger = await harness.connection.fetchval(
        "SELECT trigger::text FROM runs WHERE job_id = $1", children["always"]
    )
    assert str(launched.run_id) in trigger
    assert "dependency" in trigger


async def test_a_chain_is_one_pipeline_run_that_is_told_of_once(harness: Harness) -> None:
    first = await harness.job(group="ETL")
    second = await harness.job(depends_on=on(first))
    third = await harness.job(depends_on=on(second))
    agent = await harness.agent()
    await harness.trigger(first)
    for job in (first, second, third):
        assert await pipelines(harness) == ["running"]
        await agent.finish((await take(agent))[job])
    assert await pipelines(harness) == ["succeeded"]
    told = await harness.connection.fetch("SELECT kind, details FROM events WHERE kind LIKE 'group.%'")
    assert [tuple(row) for row in told] == [("group.completed", "ETL")]


async def test_a_retried_run_starts_others_once_when_it_is_over(harness: Harness) -> None:
    parent = await harness.job(retry_max=1)
    failed = await harness.job(depends_on=on(parent, condition="failure"))
    succeeded = await harness.job(depends_on=on(parent))
    agent = await harness.agent()
    await harness.trigger(parent)
    await agent.finish((await take(agent))[parent], "failed")
    assert await runs_of(harness, failed) == 0
    await agent.finish((await take(agent))[parent])
    assert (await runs_of(harness, failed), await runs_of(harness, succeeded)) == (0, 1)


async def test_a_late_result_starts_what_waited_for_it_and_nothing_twice(harness: Harness) -> None:
    parent = await harness.job(lost_after_secs=60)
    mourners = [await harness.job(depends_on=on(parent, condition=c)) for c in ("failure", "always")]
    child = await harness.job(depends_on=on(parent))
    agent = await harness.agent()
    await harness.trigger(parent)
    a = (await take(agent))[parent]
    await harness.connection.execute("UPDATE leases SET expires_at = now() - interval '2 minutes'")
    await harness.eventually("SELECT status FROM executions WHERE id = $1", a.execution_id, equals="lost")
    assert [await runs_of(harness, job) for job in (*mourners, child)] == [1, 1, 0]
    await agent.finish(a)
    assert [await runs_of(harness, job) for job in (*mourners, child)] == [1, 1, 1]


async def test_the_same_result_twice_starts_a_job_once(harness: Harness) -> None:
    parent = await harness.job()
    child = await harness.job(depends_on=on(parent))
    agent = await harness.agent()
    await harness.trigger(parent)
    ending = result((await take(agent))[parent])
    await asyncio.gather(agent.upload(ending), agent.upload(ending))
    await agent.upload(ending)
    assert await runs_of(harness, child) == 1


async def test_a_join_waits_for_the_slower_branch_whatever_that_did_before(harness: Harness) -> None:
    start = await harness.job()
    quick, slow = [await harness.job(depends_on=on(start)) for _ in range(2)]
    join = await harness.job(depends_on=on(quick, slow))
    agent = await harness.agent()
    for runs_before in (0, 1):
        await harness.trigger(start)
        await agent.finish((await take(agent))[start])
        branches = await take(agent, 2)
        await agent.finish(branches[quick])
        assert await runs_of(harness, join) == runs_before
        await agent.finish(branches[slow])
        assert await runs_of(harness, join) == runs_before + 1
        await agent.finish((await take(agent))[join])
    assert await pipelines(harness) == ["succeeded", "succeeded"]


@pytest.fixture
async def another_controller(
    harness: Harness, database: Database, settings: Callable[..., ControllerSettings]
) -> AsyncIterator[Harness]:
    """A second engine on the same database."""
    engine = build_engine(database, settings())
    services = asyncio.create_task(supervise(engine.services))
    yield Harness(engine, database, harness.connection, harness.admin)
    services.cancel()
    with suppress(asyncio.CancelledError):
        await services


async def test_parents_that_end_at_once_on_two_controllers_start_a_job_once(
    harness: Harness, another_controller: Harness
) -> None:
    parents = [await harness.job() for _ in range(2)]
    child = await harness.job(depends_on=on(*parents))
    agent = await harness.agent()
    its_other_line = FakeAgent(another_controller, agent.id, agent.incarnation)
    rounds = 5
    for number in range(rounds):
        await asyncio.gather(*(harness.trigger(parent) for parent in parents))
        both = await take(agent, 2)
        endings = [agent.upload(result(both[parents[0]])), its_other_line.upload(result(both[parents[1]]))]
        await asyncio.gather(*endings)
        agent.running = []
        assert await runs_of(harness, child) == number + 1
        await agent.finish((await take(agent))[child])


async def test_every_one_of_many_dependents_starts_once(harness: Harness) -> None:
    parent = await harness.job()
    await harness.connection.execute(
        """
        WITH made AS (
            INSERT INTO jobs (id, name, group_name, status, version, definition)
            SELECT gen_random_uuid(), 'child ' || n, 'Default', 'scheduled', 1,
                   jsonb_build_object('name', 'child ' || n, 'task', '{"type": "noop"}'::jsonb,
                                      'schedule', '{"type": "on_demand"}'::jsonb, 'target', '{"type": "any"}'::jsonb)
            FROM generate_series(1, 1100) AS n
            RETURNING id, definition
        ), versions AS (
            INSERT INTO job_versions (job_id, version, definition) SELECT id, 1, definition FROM made
        )
        INSERT INTO job_dependencies (parent_id, job_id, condition) SELECT $1, id, 'success' FROM made
        """,
        parent,
    )
    agent = await harness.agent()
    await harness.trigger(parent)
    await agent.finish((await take(agent))[parent])
    await settled(harness)
    counts = "SELECT count(*), count(DISTINCT job_id) FROM runs WHERE trigger ->> 'type' = 'dependency'"
    assert tuple(await harness.connection.fetchrow(counts)) == (1100, 1100)


async def test_a_due_job_that_still_waits_is_skipped_and_says_for_what(harness: Harness) -> None:
    parent = await harness.job(name="extract")
    child = await harness.job(
        depends_on=on(parent), schedule={"type": "one_shot", "value": now().isoformat()}, next_fire_at=now()
    )
    await harness.eventually(RUNS, child, equals=1)
    row = await harness.connection.fetchrow(
        "SELECT status, reason, message FROM runs WHERE job_id = $1", child
    )
    assert tuple(row) == ("skipped", "dependency", "'extract' has not run")


async def test_a_success_too_long_ago_does_not_count(harness: Harness) -> None:
    parent = await harness.job(name="extract")
    child = await harness.job(depends_on=on(parent, within_secs=60))
    agent = await harness.agent()
    await harness.trigger(parent)
    await agent.finish((await take(agent))[parent], age_secs=3600)
    assert await runs_of(harness, child) == 0
    skipped = (await harness.trigger(child)).skipped
    assert skipped is not None
    assert "longer than within_secs=60" in skipped


async def test_a_paused_job_is_skipped_and_the_pipeline_run_is_incomplete(harness: Harness) -> None:
    parent = await harness.job()
    paused = await harness.job(depends_on=on(parent))
    below = await harness.job(depends_on=on(paused))
    await harness.connection.execute("UPDATE jobs SET status = 'paused' WHERE id = $1", paused)
    agent = await harness.agent()
    await harness.trigger(parent)
    await agent.finish((await take(agent))[parent])
    assert await runs_of(harness, paused) == 1
    assert await harness.connection.fetchval("SELECT reason FROM runs WHERE job_id = $1", paused) == "paused"
    assert await runs_of(harness, below) == 0
    assert await pipelines(harness) == ["incomplete"]


async def test_a_step_that_waits_for_too_recent_an_end_leaves_the_pipeline_run_incomplete(
    harness: Harness,
) -> None:
    start = await harness.job()
    child = await harness.job(depends_on=on(start, within_secs=60))
    agent = await harness.agent()
    await harness.trigger(start)
    await agent.finish((await take(agent))[start], age_secs=3600)
    assert await runs_of(harness, child) == 0
    assert await pipelines(harness) == ["incomplete"]


async def test_a_run_that_nobody_could_take_part_in_starts_what_waits_for_failure(harness: Harness) -> None:
    parent = await harness.job(target={"type": "all"})
    child = await harness.job(depends_on=on(parent, condition="failure"))
    await harness.trigger(parent)
    await harness.eventually(RUNS, child, equals=1)


@pytest.mark.parametrize("seed", range(3))
async def test_of_any_graph_exactly_those_run_whose_conditions_came_true_and_once(
    harness: Harness, another_controller: Harness, seed: int
) -> None:
    """Random graphs, outcomes and order of ends, on two controllers, held against what the graph says."""
    chance = random.Random(seed)  # noqa: S311  a test's dice
    jobs = [await harness.job()]
    waits: dict[UUID, dict[UUID, Condition]] = {jobs[0]: {}}
    for _ in range(11):
        parents = chance.sample(jobs, k=min(len(jobs), chance.randint(1, 3)))
        conditions = {parent: chance.choice([*Condition, Condition.SUCCESS]) for parent in parents}
        depends_on = [one for parent, how in conditions.items() for one in on(parent, condition=how)]
        jobs.append(await harness.job(depends_on=depends_on))
        waits[jobs[-1]] = conditions
    outcomes = {job: chance.choice(["succeeded", "succeeded", "failed", "cancelled"]) for job in jobs}

    runs_expected: set[UUID] = set()
    for job in jobs:
        if all(p in runs_expected and is_met(how, RunStatus(outcomes[p])) for p, how in waits[job].items()):
            runs_expected.add(job)

    agent = await harness.agent()
    other_line = FakeAgent(another_controller, agent.id, agent.incarnation)
    await harness.trigger(jobs[0])
    open_ones: list[Assignment] = []
    ended: list[UUID] = []
    while len(ended) < len(runs_expected):
        wait_secs = 0.2 if open_ones else 30
        open_ones += (await agent.poll(wait_secs=wait_secs)).executions
        chance.shuffle(open_ones)
        batch, open_ones = open_ones[:2], open_ones[2:]
        lines = (agent, other_line)
        uploads = [line.upload(result(a, outcomes[a.job_id])) for line, a in zip(lines, batch, strict=False)]
        await asyncio.gather(*uploads)
        ended += [a.job_id for a in batch]
        agent.running = [
            held for held in agent.running if held.execution_id not in {a.execution_id for a in batch}
        ]
    await settled(harness)
    rows = await harness.connection.fetch("SELECT job_id FROM runs")
    assert sorted(row["job_id"] for row in rows) == sorted(runs_expected)
    statuses = {outcomes[job] for job in runs_expected}
    (status,) = await pipelines(harness)
    expected = "failed" if "failed" in statuses else "cancelled" if "cancelled" in statuses else "succeeded"
    assert status == expected

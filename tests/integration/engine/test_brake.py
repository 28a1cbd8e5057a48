"""A fleet that falls silent together, or after an outage, is not declared lost at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest
from tests.integration.engine.conftest import FakeAgent, Harness

from tocsin_controller.engine import build_engine
from tocsin_controller.security.roles import Principal, Role
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database
from tocsin_controller.supervisor import supervise
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import Assignment

Settings = Callable[..., ControllerSettings]
#: Long enough that no test reaches its end by itself.
BRAKED = {"lease_secs": 5.0, "heartbeat_secs": 1.0, "lost_grace_secs": 300.0}


@asynccontextmanager
async def controllers(
    db: Database, url: str, settings: ControllerSettings, count: int = 1
) -> AsyncIterator[Harness]:
    """So many controllers on one database; the harness is the first one's."""
    engines = [build_engine(db, settings) for _ in range(count)]
    await engines[0].maintenance.once()
    services = [asyncio.create_task(supervise(engine.services)) for engine in engines]
    connection = await asyncpg.connect(url)
    try:
        yield Harness(engines[0], db, connection, Principal(new_id(), "test", Role.ADMIN))
    finally:
        await connection.close()
        for task in services:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def busy_fleet(harness: Harness, size: int) -> list[tuple[FakeAgent, Assignment]]:
    """Agents that each run something whose loss would be declared the moment they are silent for ten seconds."""
    fleet: list[tuple[FakeAgent, Assignment]] = []
    for number in range(size):
        agent = await harness.agent(f"agent-{number}")
        await harness.trigger(await harness.job(lost_after_secs=10))
        (assignment,) = (await agent.poll()).executions
        await agent.start(assignment)
        fleet.append((agent, assignment))
    heard = "SELECT count(*) FROM agents WHERE last_seen_at > registered_at"
    await harness.eventually(
        heard, equals=size
    )  # what was said is written, and won't undo what a test pretends
    return fleet


async def silence(harness: Harness, *agents: FakeAgent) -> None:
    """Their leases ran out just now, those of their executions long ago."""
    ids = [agent.id for agent in agents]
    async with harness.connection.transaction():
        await harness.connection.execute(
            "UPDATE agents SET lease_expires_at = now() - interval '1 second' WHERE id = ANY($1::uuid[])", ids
        )
        await harness.connection.execute(
            "UPDATE leases SET expires_at = now() - interval '1 minute' WHERE agent_id = ANY($1::uuid[])", ids
        )


async def told(harness: Harness, kind: str) -> int:
    count: int = await harness.connection.fetchval("SELECT count(*) FROM events WHERE kind = $1", kind)
    return count


async def sweeps(harness: Harness) -> None:
    """Until every controller had time to look a few times."""
    seen = await harness.connection.fetchval("SELECT now()")
    await harness.eventually(
        "SELECT swept_at > $1::timestamptz + interval '2.5 s' FROM brake", seen, equals=True
    )


@pytest.fixture
async def braked(database: Database, database_url: str, settings: Settings) -> AsyncIterator[Harness]:
    """Three controllers that wait out a mass loss."""
    async with controllers(database, database_url, settings(**BRAKED), count=3) as harness:
        yield harness


LOST = "SELECT count(*) FROM executions WHERE status = 'lost'"


async def test_one_agent_that_falls_silent_loses_its_work(braked: Harness) -> None:
    fleet = await busy_fleet(braked, 3)
    await silence(braked, fleet[0][0])
    await braked.eventually(LOST, equals=1)
    assert await told(braked, "fleet.mass_unreachable") == 0


async def test_most_agents_silent_together_lose_nothing_and_it_is_told_once(braked: Harness) -> None:
    fleet = await busy_fleet(braked, 5)
    await silence(braked, *(agent for agent, _ in fleet[:3]))
    await braked.eventually("SELECT count(*) FROM agents WHERE status = 'offline'", equals=3)
    await sweeps(braked)
    assert await braked.connection.fetchval(LOST) == 0
    assert await told(braked, "fleet.mass_unreachable") == 1


async def test_the_brake_outlives_the_controllers_and_comes_off_once(
    database: Database, database_url: str, settings: Settings
) -> None:
    async with controllers(database, database_url, settings(**BRAKED)) as harness:
        fleet = await busy_fleet(harness, 3)
        await silence(harness, *(agent for agent, _ in fleet))
        await harness.eventually("SELECT held_until IS NOT NULL FROM brake", equals=True)
    async with controllers(database, database_url, settings(**BRAKED), count=2) as harness:
        await sweeps(harness)
        assert await harness.connection.fetchval(LOST) == 0
        await harness.connection.execute("UPDATE agents SET lease_expires_at = now() - interval '1 hour'")
        await harness.connection.execute("UPDATE brake SET held_until = now()")
        await harness.eventually(LOST, equals=3)
        assert await told(harness, "fleet.mass_unreachable") == 1
        assert await told(harness, "fleet.brake_released") == 1


async def test_after_an_outage_agents_have_time_to_report(
    database: Database, database_url: str, settings: Settings
) -> None:
    async with controllers(database, database_url, settings(**BRAKED)) as harness:
        await busy_fleet(harness, 2)
        await harness.trigger(
            await harness.job(target={"type": "tagged", "tag": "nobody"}, queue_timeout_secs=60)
        )
    connection = await asyncpg.connect(database_url)
    for statement in (
        "UPDATE brake SET swept_at = swept_at - interval '1 hour'",
        "UPDATE leases SET expires_at = expires_at - interval '1 hour'",
        "UPDATE agents SET lease_expires_at = lease_expires_at - interval '1 hour'",
        "UPDATE queue SET expires_at = expires_at - interval '1 hour'",
    ):
        await connection.execute(statement)
    await connection.close()
    async with controllers(database, database_url, settings(**BRAKED), count=2) as harness:
        await sweeps(harness)
        assert await harness.connection.fetchval(LOST) == 0
        assert await told(harness, "agent.offline") == 0
        assert await harness.connection.fetchval("SELECT count(*) FROM queue") == 1
        assert await told(harness, "fleet.mass_unreachable") == 1
        await harness.eventually("SELECT count(*) FROM agents WHERE status = 'offline'", equals=2)
        assert await harness.connection.fetchval(LOST) == 0


async def test_a_brake_whose_row_is_held_by_somebody_stops_no_loop(
    braked: Harness, database_url: str
) -> None:
    fleet = await busy_fleet(braked, 1)
    holder = await asyncpg.connect(database_url)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("SELECT FROM brake FOR UPDATE")
    await silence(braked, fleet[0][0])
    await braked.trigger(await braked.job())
    assert len((await fleet[0][0].poll()).executions) == 1
    assert await braked.connection.fetchval(LOST) == 0
    await transaction.rollback()
    await holder.close()
    await silence(braked, fleet[0][0])
    await braked.eventually(LOST, equals=1)

"""What couriers carry: each entry for itself, and whatever becomes of it noted once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import asyncpg
import orjson
import pytest

from tocsin_controller.hints import FORWARDS, Hints
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.outbox import OutboxEntry, add_to_outbox, note_taken
from tocsin_controller.workflow.couriers import Courier, NotSent
from tocsin_shared.errors import Unavailable
from tocsin_shared.network import Reach

KIND = "parcel"


@dataclass
class Parcels:
    """Freight that goes as its payload says."""

    sending: Callable[[str], Awaitable[None]]
    kind: str = KIND
    topic: str = FORWARDS
    most_tries: int = 2
    arrived: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)

    async def send(self, http: aiohttp.ClientSession, entry: OutboxEntry) -> None:
        await self.sending(entry.payload["name"])
        self.arrived.append(entry.payload["name"])

    async def sent(self, session: Session, entry: OutboxEntry) -> None:
        """Nobody is told."""

    async def gave_up(self, session: Session, entry: OutboxEntry, why: str) -> None:
        self.given_up.append(entry.payload["name"])
        raise ValueError("this can't be told")


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """For looking behind the couriers."""
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


async def add(database: Database, *names: str) -> None:
    async with database.transaction() as session:
        await add_to_outbox(session, KIND, [{"name": name, "taken": {}} for name in names])


def courier_of(database: Database, parcels: Parcels, first_wait_secs: float = 0.001) -> Courier:
    return Courier(database, Hints(database), Reach(), parcels, first_wait_secs=first_wait_secs)


async def test_what_fails_with_one_is_in_no_others_way_and_ends(
    database: Database, connection: asyncpg.Connection
) -> None:
    async def sending(name: str) -> None:
        if name == "refused":
            raise NotSent("no", is_final=True)
        await asyncio.sleep(0.2)

    parcels = Parcels(sending)
    await add(database, "refused", "slow")
    async with aiohttp.ClientSession() as http:
        while await connection.fetchval("SELECT count(*) FROM outbox"):
            await courier_of(database, parcels).once(http)
    assert (parcels.arrived, parcels.given_up) == (["slow"], ["refused"] * 2)


async def test_an_outage_is_told_as_one(database: Database) -> None:
    async def sending(name: str) -> None:
        raise Unavailable

    await add(database, "one", "other")
    async with aiohttp.ClientSession() as http:
        with pytest.raises(Unavailable):
            await courier_of(database, Parcels(sending)).once(http)


async def test_who_was_too_slow_gives_up_nothing_that_somebody_else_has(
    database: Database, connection: asyncpg.Connection
) -> None:
    async def sending(name: str) -> None:
        await connection.execute("UPDATE outbox SET attempts = attempts + 1")
        raise NotSent("no", is_final=True)

    parcels = Parcels(sending)
    await add(database, "parcel")
    async with aiohttp.ClientSession() as http:
        await courier_of(database, parcels, first_wait_secs=60).once(http)
    assert await connection.fetchval("SELECT count(*) FROM outbox") == 1
    assert parcels.given_up == []


async def test_what_two_have_done_of_one_entry_is_known_together(
    database: Database, connection: asyncpg.Connection
) -> None:
    await add(database, "parcel")
    entry_id = await connection.fetchval("SELECT id FROM outbox")
    await note_taken(database, entry_id, {"0": "here"})
    await note_taken(database, entry_id, {"1": None})
    taken = await connection.fetchval("SELECT payload -> 'taken' FROM outbox")
    assert orjson.loads(taken) == {"0": "here", "1": None}

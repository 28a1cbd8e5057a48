"""What follows from something true is done exactly once, whoever does it and whatever fails (G5)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest

from tocsin_controller.hints import OUTBOX, Hints
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.outbox import OutboxEntry, add_to_outbox
from tocsin_controller.supervisor import supervise
from tocsin_controller.workflow.outbox import MAX_ATTEMPTS, Handler, Outbox

KIND = "test.told"


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


async def tell(session: Session, entries: Sequence[OutboxEntry]) -> None:
    """An event for each entry."""
    events = [NewEvent("told", "info", str(entry.payload["word"])) for entry in entries]
    await add_events(session, events)


async def add(database: Database, *words: str, delay_secs: float = 0) -> None:
    async with database.transaction() as session:
        await add_to_outbox(session, KIND, [{"word": word} for word in words], delay_secs=delay_secs)


@asynccontextmanager
async def loops(
    database: Database, handle: Handler, *, count: int = 1, batch: int = 10
) -> AsyncIterator[Hints]:
    """Running loops, each as in a controller of its own."""
    hints = Hints(database)
    services = {}
    for number in range(count):
        outbox = Outbox(database, hints)
        outbox.register(KIND, handle, batch=batch)
        services[f"outbox-{number}"] = outbox.run
    task = asyncio.create_task(supervise(services))
    yield hints
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def eventually(connection: asyncpg.Connection, question: str, *, equals: object) -> None:
    value = None
    for _ in range(1_200):
        value = await connection.fetchval(question)
        if value == equals:
            return
        await asyncio.sleep(0.025)
    raise AssertionError(f"{question} is {value!r}, not {equals!r}")


LEFT = "SELECT count(*) FROM outbox"
TOLD = "SELECT string_agg(message, ' ' ORDER BY message) FROM events WHERE kind = 'told'"


async def test_two_loops_do_each_thing_once(database: Database, connection: asyncpg.Connection) -> None:
    words = [f"{number:03}" for number in range(200)]
    async with loops(database, tell, count=2) as hints:
        for start in range(0, len(words), 20):
            await add(database, *words[start : start + 20])
            hints.hint(OUTBOX)
        await eventually(connection, LEFT, equals=0)
    assert await connection.fetchval(TOLD) == " ".join(words)


async def test_what_a_loop_was_doing_when_it_died_is_done_once_by_another(
    database: Database, connection: asyncpg.Connection
) -> None:
    await add(database, "a", "b", "c")
    is_in_the_middle = asyncio.Event()

    async def die(session: Session, entries: Sequence[OutboxEntry]) -> None:
        await tell(session, entries)
        is_in_the_middle.set()
        await asyncio.Event().wait()

    async with loops(database, die):
        await is_in_the_middle.wait()
        async with loops(database, tell):  # what the other one holds is left to it
            await add(database, "d")
            await eventually(connection, TOLD, equals="d")
            assert await connection.fetchval(LEFT) == 3
    async with loops(database, tell):
        await eventually(connection, LEFT, equals=0)
    assert await connection.fetchval(TOLD) == "a b c d"


async def test_a_lost_connection_in_the_middle_doubles_nothing(
    database: Database, database_url: str, connection: asyncpg.Connection
) -> None:
    await add(database, "a")
    tries = 0
    other = await asyncpg.connect(database_url)

    async def cut_off_once(session: Session, entries: Sequence[OutboxEntry]) -> None:
        nonlocal tries
        tries += 1
        await tell(session, entries)
        if tries == 1:
            await other.execute("SELECT pg_terminate_backend($1)", session.connection.get_server_pid())

    async with loops(database, cut_off_once):
        await eventually(connection, LEFT, equals=0)
    await other.close()
    assert tries > 1
    assert await connection.fetchval(TOLD) == "a"


async def test_one_that_fails_keeps_no_other_from_being_done_and_comes_again(
    database: Database, connection: asyncpg.Connection
) -> None:
    await add(database, "a", "bad", "b")
    tries = 0

    async def stumble(session: Session, entries: Sequence[OutboxEntry]) -> None:
        nonlocal tries
        await tell(session, entries)
        if any(entry.payload["word"] == "bad" for entry in entries):
            tries += 1
            if tries < 4:
                raise ValueError("not yet")

    async with loops(database, stumble):
        await eventually(connection, TOLD, equals="a b")
        await eventually(connection, "SELECT attempts FROM outbox", equals=1)
        assert await connection.fetchval("SELECT last_error FROM outbox") == "ValueError: not yet"
        await eventually(connection, LEFT, equals=0)
    assert await connection.fetchval(TOLD) == "a b bad"


async def test_what_failed_too_often_is_set_aside_and_told_of_once(
    database: Database, connection: asyncpg.Connection
) -> None:
    await add(database, "bad")
    await connection.execute("UPDATE outbox SET attempts = $1", MAX_ATTEMPTS - 1)

    async def fail(session: Session, entries: Sequence[OutboxEntry]) -> None:
        raise ValueError("never")

    async with loops(database, fail, count=2) as hints:
        await eventually(connection, "SELECT set_aside_at IS NOT NULL FROM outbox", equals=True)
        hints.hint(OUTBOX)
        await add(database, "another", delay_secs=60)
    events = "SELECT count(*) FROM events WHERE kind = 'outbox.set_aside' AND severity = 'error'"
    assert await connection.fetchval(events) == 1
    assert (
        await connection.fetchval("SELECT attempts FROM outbox WHERE set_aside_at IS NOT NULL")
        == MAX_ATTEMPTS
    )


async def test_an_entry_waits_for_its_time_and_for_a_handler(
    database: Database, connection: asyncpg.Connection
) -> None:
    await add(database, "later", delay_secs=3600)
    await add(database, "soon", delay_secs=0.2)
    await connection.execute("INSERT INTO outbox (kind, payload) VALUES ('of.a.newer.release', '{}')")
    async with loops(database, tell):
        await eventually(connection, TOLD, equals="soon")
    assert await connection.fetchval(LEFT) == 2

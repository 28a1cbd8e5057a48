"""A copied state directory is refused, and a database that went back in time is noticed."""

from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner
from tests.integration.engine.conftest import Harness

from tocsin_controller.cli import main
from tocsin_controller.recovery import begin_epoch
from tocsin_controller.store.database import Database
from tocsin_controller.store.epoch import StaleDatabase, read_epoch
from tocsin_shared.errors import Cloned, Unavailable
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import EPOCH_SHIFT, RegisterRequest, RegisterResponse, epoch_of


async def register(harness: Harness, *, mark: object = None, next_mark: object = None) -> RegisterResponse:
    request = RegisterRequest.model_validate(
        {
            "name": "a",
            "task_types": ["noop"],
            "incarnation": new_id(),
            "state_mark": mark,
            "next_state_mark": next_mark,
        }
    )
    return await harness.engine.desk.register(harness.admin, request)


async def clones_told(harness: Harness) -> int:
    told: int = await harness.connection.fetchval(
        "SELECT count(*) FROM events WHERE kind = 'agent.cloned' AND severity = 'error'"
    )
    return told


async def test_an_agent_that_shows_its_newest_mark_is_let_in(harness: Harness) -> None:
    first, second, third = new_id(), new_id(), new_id()
    one = await register(harness, next_mark=first)
    two = await register(harness, mark=first, next_mark=second)
    three = await register(harness, mark=second, next_mark=third)
    assert one.agent_id == two.agent_id == three.agent_id


async def test_a_registration_whose_answer_was_lost_may_be_repeated(harness: Harness) -> None:
    first, second = new_id(), new_id()
    await register(harness, next_mark=first)
    for _ in range(3):
        await register(harness, mark=first, next_mark=second)
    await register(harness, mark=second, next_mark=new_id())
    assert await clones_told(harness) == 0


async def test_a_copy_with_an_older_mark_is_refused_and_told_of_once(harness: Harness) -> None:
    copied, original = new_id(), new_id()
    await register(harness, next_mark=copied)
    await register(harness, mark=copied, next_mark=original)
    for _ in range(3):
        with pytest.raises(Cloned, match="fresh state directory"):
            await register(harness, mark=copied, next_mark=new_id())
    assert await clones_told(harness) == 1
    await register(harness, mark=original, next_mark=new_id())


async def test_a_refused_copy_does_not_supersede_the_agent(harness: Harness) -> None:
    agent = await harness.agent(state_mark=None, next_state_mark=new_id())
    with pytest.raises(Cloned):
        await register(harness, mark=new_id(), next_mark=new_id())
    assert (await agent.poll(wait_secs=0.1)).executions == []


async def test_an_agent_that_knows_nothing_of_marks_is_let_in(harness: Harness) -> None:
    one = await register(harness)
    assert (await register(harness)).agent_id == one.agent_id
    await register(harness, next_mark=new_id())
    await register(harness)


async def test_fences_begin_with_the_epoch(harness: Harness) -> None:
    agent = await harness.agent()
    await harness.trigger(await harness.job())
    (before,) = (await agent.poll()).executions
    assert epoch_of(before.fence) == 0
    await begin_epoch(harness.db, why="a test")
    await harness.trigger(await harness.job())
    (after,) = (await agent.poll()).executions
    assert after.fence == (1 << EPOCH_SHIFT) + 1
    assert (await register(harness)).epoch == 1


async def test_what_is_offered_again_after_a_new_epoch_has_its_fence(harness: Harness) -> None:
    agent = await harness.agent()
    await harness.trigger(await harness.job())
    agent.seq += 1
    (unheard,) = (await agent.poll_unheard()).executions
    await begin_epoch(harness.db, why="a test", keep_queue=True)
    (again,) = (await agent.poll()).executions
    assert (epoch_of(unheard.fence), epoch_of(again.fence)) == (0, 1)


async def test_a_new_epoch_lets_every_state_directory_in(harness: Harness) -> None:
    older = new_id()
    await register(harness, next_mark=older)
    await register(harness, mark=older, next_mark=new_id())
    assert (await begin_epoch(harness.db, why="a test")).unmarked == 1
    await register(harness, mark=older, next_mark=new_id())


async def test_a_database_of_an_older_epoch_is_refused_until_the_newer_is_back(
    database_url: str, harness: Harness
) -> None:
    agent = await harness.agent()
    await begin_epoch(harness.db, why="a test")
    await harness.connection.execute("UPDATE cluster SET epoch = 0")
    await harness.trigger(await harness.job())
    assert (await agent.poll(wait_secs=1)).executions == []
    with pytest.raises(StaleDatabase):
        await register(harness)
    await harness.connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    for _ in range(2):
        with pytest.raises(Unavailable):
            await read_epoch(harness.db)
    await harness.connection.execute("UPDATE cluster SET epoch = 1")
    assert len((await agent.poll(wait_secs=10)).executions) == 1


async def test_a_database_without_the_table_is_not_an_old_one(empty_database_url: str) -> None:
    opened = await Database.open(empty_database_url, application_name="tocsin-test")
    await opened.close()
    assert opened.epochs.highest == 0


def test_the_command_begins_an_epoch_and_says_what_it_did(database_url: str, tmp_path: Path) -> None:
    run = CliRunner().invoke
    assert run(main, ["epoch", "show", "--database-url", database_url]).output == "0\n"
    bumped = run(main, ["epoch", "bump", "--database-url", database_url])
    assert bumped.exit_code == 0
    assert bumped.output.startswith("epoch 1 has begun\nagents whose state mark was cleared: 0\n")
    assert run(main, ["epoch", "show", "--database-url", database_url]).output == "1\n"


async def test_only_one_row_can_say_the_epoch(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("INSERT INTO cluster DEFAULT VALUES")
    await connection.close()

"""A backup holds everything, is verified, and what comes out of it goes on working."""

import asyncio
import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner
from tests.integration.engine.conftest import Harness, now

from tocsin_controller.backup import BackupError, back_up, restore
from tocsin_controller.cli import main
from tocsin_controller.engine import build_engine
from tocsin_controller.security.roles import Principal, Role
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database
from tocsin_controller.store.migrate import migrate
from tocsin_controller.supervisor import supervise
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import EPOCH_SHIFT, OutputEvent, Receipt

KEPT = (
    "jobs",
    "job_versions",
    "timers",
    "runs",
    "executions",
    "execution_output",
    "queue",
    "leases",
    "api_keys",
    "calendars",
    "job_calendars",
    "connections",
    "job_connections",
)


async def contents(url: str, tables: tuple[str, ...] = KEPT) -> dict[str, list[str]]:
    connection = await asyncpg.connect(url)
    found = {
        table: [row[0] for row in await connection.fetch(f"SELECT t::text FROM {table} AS t ORDER BY 1")]  # noqa: S608  own names
        for table in tables
    }
    await connection.close()
    return found


async def used(harness: Harness) -> None:
    """History of several days, output, work that waits and work that runs."""
    agent = await harness.agent(credential_sha256=hashlib.sha256(b"secret").hexdigest())
    job = await harness.job(schedule={"type": "cron", "value": "0 0 0 1 1 *"})
    await harness.connection.execute(
        "INSERT INTO timers (job_id, job_version, priority, next_fire_at, anchor) VALUES ($1, 1, 0, $2, $2)",
        job,
        now().replace(year=now().year + 1),
    )
    await harness.connection.execute("INSERT INTO calendars (name, definition) VALUES ('closed', '{}')")
    await harness.connection.execute(
        "INSERT INTO job_calendars (job_id, calendar) VALUES ($1, 'closed')", job
    )
    await harness.connection.execute(
        "INSERT INTO connections (name, conn_type, sealed, key_id) VALUES ('db', 'postgres', 'sealed', 'key')"
    )
    await harness.connection.execute("INSERT INTO job_connections VALUES ($1, 'db')", job)
    await harness.trigger(job)
    (done,) = (await agent.poll()).executions
    printed = OutputEvent(
        type="output",
        execution_id=done.execution_id,
        fence=done.fence,
        seq=1,
        stream="stdout",
        offset=0,
        data="hello",
    )
    await agent.upload(printed)
    await agent.finish(done)
    await harness.trigger(job)
    (running,) = (await agent.poll()).executions
    await agent.start(running)
    await harness.trigger(await harness.job(target={"type": "tagged", "tag": "nobody"}))


async def backed_up(url: str) -> io.BytesIO:
    target = io.BytesIO()
    await back_up(url, target)
    target.seek(0)
    return target


async def test_everything_comes_back(harness: Harness, database_url: str, empty_database_url: str) -> None:
    await used(harness)
    before = await contents(database_url)
    restored = await restore(empty_database_url, await backed_up(database_url), force=False, keep_queue=True)
    assert await contents(empty_database_url) == before
    assert all(before.values())
    assert restored.begun.epoch == 1
    connection = await asyncpg.connect(empty_database_url)
    assert await connection.fetchval("SELECT count(*) FROM runs_default") == 0
    assert await connection.fetchval("SELECT count(*) FROM events WHERE kind = 'cluster.epoch'") == 1
    await connection.close()


async def test_a_restored_database_goes_on_where_the_backup_was_taken(
    harness: Harness, database_url: str, empty_database_url: str, settings: Callable[..., ControllerSettings]
) -> None:
    agent = await harness.agent(state_mark=None, next_state_mark=new_id())
    await harness.trigger(await harness.job())
    (running,) = (await agent.poll()).executions
    await agent.start(running)
    waiting = await harness.trigger(await harness.job())
    await restore(empty_database_url, await backed_up(database_url), force=False, keep_queue=True)
    db = await Database.open(empty_database_url, application_name="tocsin-test")
    engine = build_engine(db, settings())
    await engine.maintenance.once()
    services = asyncio.create_task(supervise(engine.services))
    connection = await asyncpg.connect(empty_database_url)
    elsewhere = Harness(engine, db, connection, Principal(new_id(), "test", Role.ADMIN))
    # A copy of the state directory of any age is let in, as the same agent.
    back = await elsewhere.agent(state_mark=new_id(), next_state_mark=new_id())
    assert back.id == agent.id
    back.running = list(agent.running)
    (handed,) = (await back.poll()).executions
    assert (handed.execution_id, handed.fence) == (waiting.execution_ids[0], (1 << EPOCH_SHIFT) + 1)
    assert await back.finish(running) is Receipt.RECORDED
    await connection.close()
    services.cancel()
    with suppress(asyncio.CancelledError):
        await services
    await db.close()


async def test_a_database_in_use_is_only_overwritten_on_demand(harness: Harness, database_url: str) -> None:
    await used(harness)
    file = await backed_up(database_url)
    with pytest.raises(BackupError, match="--force"):
        await restore(database_url, file, force=False)


async def test_a_forced_restore_undoes_what_happened_since_and_begins_an_epoch_above_both(
    database_url: str,
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("INSERT INTO jobs VALUES (gen_random_uuid(), 'a', 'g', 'paused', 1, '{}')")
    file = await backed_up(database_url)
    await connection.execute("INSERT INTO jobs VALUES (gen_random_uuid(), 'b', 'g', 'paused', 1, '{}')")
    await connection.execute("UPDATE cluster SET epoch = 7")
    await connection.close()
    restored = await restore(database_url, file, force=True)
    assert restored.begun.epoch == 8
    assert len((await contents(database_url))["jobs"]) == 1


def cut_short(manifest: dict[str, Any]) -> None:
    """Found out only when its rows are in."""
    next(one for one in manifest["members"] if one["table"] == "jobs")["rows"] = 9


async def test_a_restore_that_fails_part_way_is_repeated_above_the_epoch_it_overwrote(
    database_url: str,
) -> None:
    file = await backed_up(database_url)
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE cluster SET epoch = 7")
    await connection.close()
    with pytest.raises(BackupError, match="jobs has 0 rows"):
        await restore(database_url, changed(file, cut_short), force=True)
    with pytest.raises(BackupError, match="did not finish"):
        await backed_up(database_url)
    refused = await asyncio.to_thread(CliRunner().invoke, main, ["serve", "--database-url", database_url])
    assert (refused.exit_code, "did not finish" in refused.output) == (1, True)
    restored = await restore(database_url, file, force=True)
    assert restored.begun.epoch == 8
    await backed_up(database_url)


async def test_a_database_that_was_only_migrated_counts_as_empty(
    harness: Harness, database_url: str, empty_database_url: str
) -> None:
    await used(harness)
    await migrate(empty_database_url)
    await restore(empty_database_url, await backed_up(database_url), force=False, keep_queue=True)
    assert await contents(empty_database_url) == await contents(database_url)


def changed(file: io.BytesIO, change: Callable[[dict[str, Any]], None]) -> io.BytesIO:
    """The same backup with another manifest."""
    result = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "manifest.json":
                manifest = json.loads(data)
                change(manifest)
                data = json.dumps(manifest).encode()
            new.writestr(name, data)
    result.seek(0)
    return result


def of_tomorrow(manifest: dict[str, Any]) -> None:
    manifest["migrations"].append({"version": 9999, "name": "9999_tomorrow", "checksum": "0"})


def of_another_table(manifest: dict[str, Any]) -> None:
    manifest["members"][0]["sha256"] = "0" * 64


def without_a_table(manifest: dict[str, Any]) -> None:
    manifest["members"][0]["table"] = "missing"


def of_another_format(manifest: dict[str, Any]) -> None:
    manifest["format"] = 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (of_tomorrow, "newer than this release"),
        (of_another_table, "is not what was written"),
        (without_a_table, "damaged"),
        (of_another_format, "format 2"),
    ],
)
async def test_a_backup_that_does_not_fit_is_refused_before_anything_is_touched(
    database_url: str, empty_database_url: str, change: Callable[[dict[str, Any]], None], why: str
) -> None:
    with pytest.raises(BackupError, match=why):
        await restore(empty_database_url, changed(await backed_up(database_url), change), force=True)
    connection = await asyncpg.connect(empty_database_url)
    assert await connection.fetchval("SELECT to_regclass('schema_migrations')") is None
    await connection.close()


async def test_a_backup_that_was_cut_off_is_no_backup(database_url: str, empty_database_url: str) -> None:
    whole = (await backed_up(database_url)).getvalue()
    for part in (whole[: len(whole) // 2], b"", b"PK\x03\x04"):
        with pytest.raises(BackupError, match="cut off"):
            await restore(empty_database_url, io.BytesIO(part), force=False)


async def test_a_flipped_bit_is_noticed_wherever_it_is(
    harness: Harness, database_url: str, empty_database_url: str
) -> None:
    await used(harness)
    backup = await backed_up(database_url)
    with zipfile.ZipFile(backup) as archive:
        members = [member for member in archive.infolist() if member.compress_size > 100]
    assert "manifest.json" in {member.filename for member in members}
    whole = backup.getvalue()
    for member in members:
        with pytest.raises(BackupError, match=r"damaged|cut off"):
            await restore(empty_database_url, io.BytesIO(with_a_flipped_bit(whole, member)), force=False)


def with_a_flipped_bit(whole: bytes, member: zipfile.ZipInfo) -> bytes:
    """One that changes what is read: in packed repetitions a bit may say the same in another way."""
    name_length, extra_length = struct.unpack_from("<HH", whole, member.header_offset + 26)
    start = member.header_offset + 30 + name_length + extra_length
    end = start + member.compress_size
    for place in range((start + end) // 2, end):
        flipped = bytearray(whole)
        flipped[place] ^= 0x10
        try:
            data = zlib.decompress(flipped[start:end], -zlib.MAX_WBITS)
        except zlib.error:
            return bytes(flipped)
        if zlib.crc32(data) != member.CRC:
            return bytes(flipped)
    raise AssertionError("every bit says the same")


def test_the_commands_write_a_private_file_and_read_it_back(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    file, run = tmp_path / "tocsin.backup", CliRunner().invoke
    victim, planted = tmp_path / "victim", tmp_path / ".tocsin.backup.partial"
    victim.write_text("of somebody else")
    planted.symlink_to(victim)
    written = run(main, ["backup", str(file), "--database-url", database_url])
    assert written.exit_code == 0, written.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert victim.read_text() == "of somebody else"
    assert {one.name for one in tmp_path.iterdir()} == {file.name, victim.name, planted.name}
    restored = run(main, ["restore", str(file), "--database-url", empty_database_url])
    assert restored.exit_code == 0, restored.output
    assert "epoch 1 has begun" in restored.output
    streamed = run(main, ["backup", "-", "--database-url", database_url])
    assert streamed.stdout_bytes[:2] == b"PK"
    refused = run(main, ["restore", str(tmp_path / "tocsin.backup"), "--database-url", empty_database_url])
    assert (refused.exit_code, refused.output.count("\n")) == (1, 1)

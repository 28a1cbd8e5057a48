"""PostgreSQL is slow, flaky, restarted, away, read-only or full."""

import asyncio
import os
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import asyncpg

from tests.chaos.processes import BIN
from tests.chaos.proxy import Weather
from tests.chaos.scenario import USUAL, scenario
from tests.chaos.scenarios.disks import fill
from tests.chaos.stage import Stage
from tocsin_controller.embedded import EmbeddedPostgres
from tocsin_shared.protocol import EPOCH_SHIFT


@scenario(
    "F7",
    "calls of the database fail, before or after they were done",
    shows=("G5", "G7", "G10"),
    lateness_secs=15,
    is_short=True,
)
async def flaky_calls(stage: Stage) -> None:
    """Each piece of data may be lost with its connection, on its way there or back."""
    for name in ("c1", "c2"):
        await stage.fleet.add_controller(name)
    await stage.fleet.add_agent("a1")
    await stage.pulse()
    await stage.job("asked-for", 0.2)
    await stage.until_witnessed("pulse")
    await stage.sample("before")
    links = stage.fleet.database_links.values()
    async with stage.fault("flaky", "database"):
        for link in links:
            link.weather = Weather(cut_chance=0.01)
        for _ in range(25 if stage.is_short else 200):
            key = str(uuid.UUID(int=stage.random.getrandbits(128)))
            for _attempt in range(5):
                if (await stage.fleet.client.trigger("asked-for", idempotency_key=key)).outcome == "ok":
                    break
            await asyncio.sleep(0.2)
    for link in links:
        link.heal()
    stage.healed()
    asked = {o.run_id for o in stage.fleet.client.operations if o.kind == "trigger" and o.outcome == "ok"}
    runs = await stage.fleet.client.all_of("/api/runs")
    triggered = {run["id"] for run in runs if run["scheduled_for"] is None}
    unknown = {o.kind for o in stage.fleet.client.operations if o.outcome == "info"}
    stage.expect(asked <= triggered, "a triggered run is not there")
    stage.expect(unknown or asked == triggered, f"{len(triggered - asked)} runs nobody asked for")


@scenario(
    "F8", "PostgreSQL crashes and restarts under load", shows=("G4", "G10"), lateness_secs=10, is_short=True
)
async def crash(stage: Stage) -> None:
    """Controllers stay up, refuse politely and recover; what runs is not touched."""
    controllers = [await stage.fleet.add_controller(name) for name in ("c1", "c2")]
    await stage.fleet.add_agent("a1")
    await stage.pulse()
    execution_id = await stage.start("long", 8, 3)
    await stage.sample("before")
    for _ in range(1 if stage.is_short else 4):
        async with stage.fault("crash", "database"):
            await asyncio.to_thread(stage.fleet.database.pg_ctl, "restart", "-m", "immediate")
        await stage.fleet.client.trigger("long")
        await asyncio.sleep(1 if stage.is_short else 5)
    stage.healed()
    stage.expect(all(c.is_running for c in controllers), "a controller exited")
    ended = await stage.until_status(execution_id, "failed")
    stage.expect(
        ended["exit_code"] == 3, f"the job that ran meanwhile ended with {ended['exit_code']}, not 3"
    )


@scenario(
    "F9",
    "PostgreSQL is away for longer than lost_after_secs while jobs end",
    shows=("G3", "G4", "G10"),
    lateness_secs=60,
)
async def away(stage: Stage) -> None:
    """Results are kept and delivered; nothing is declared lost because of the outage."""
    controllers = [await stage.fleet.add_controller(name) for name in ("c1", "c2")]
    await stage.fleet.add_agent("a1")
    await stage.pulse()
    running = [await stage.start(f"ends-{n}", 3 + n, n, lost_after_secs=10) for n in range(5)]
    await stage.sample("before")
    async with stage.fault("away", "database"):
        await asyncio.to_thread(stage.fleet.database.pg_ctl, "stop", "-m", "immediate")
        await asyncio.sleep(20 if stage.is_short else 45)
        await asyncio.to_thread(stage.fleet.database.pg_ctl, "start")
    stage.healed()
    stage.expect(all(c.is_running for c in controllers), "a controller exited")
    for code, execution_id in enumerate(running):
        ended = await stage.until_status(execution_id, "succeeded", "failed", secs=60)
        stage.expect(
            ended["exit_code"] == code, f"{execution_id} ended with {ended['exit_code']}, not {code}"
        )
    lost = await stage.fleet.client.all_of("/api/executions?status=lost")
    told = [e for e in await stage.fleet.client.all_of("/api/events") if "was lost" in e["message"]]
    stage.expect(not lost and not told, f"{len(told)} executions were declared lost by the outage")


@scenario("F11a", "PostgreSQL takes no writes for a while", shows=("G1", "G10"), lateness_secs=30)
async def read_only(stage: Stage) -> None:
    """Writes are refused, reads work, and what was due is caught up or recorded."""
    await stage.fleet.add_controller("c1")
    await stage.fleet.add_agent("a1")
    await stage.pulse()
    await stage.until_witnessed("pulse")
    await stage.sample("before")
    async with stage.fault("read_only", "database"):
        await _set_read_only(stage, "on")
        await asyncio.sleep(3)
        refused = await stage.job("refused", 0.2)
        stage.expect(refused.outcome != "ok", "a job was acknowledged while nothing could be written")
        await asyncio.sleep(6)
        stage.expect((await stage.fleet.client.get("/api/runs"))["data"], "reading does not work either")
        await _set_read_only(stage, "off")
    stage.healed()


@scenario("F11b", "the disk of the database is full for a while", shows=("G1", "G4", "G10"), lateness_secs=30)
async def full(stage: Stage) -> None:
    """What can't be written is refused or waits with whoever has it; what was due is caught up or recorded."""
    disk = stage.fleet.directory / "small-disk"
    stage.fleet.small_disk(disk, "64m")
    await _move_to(stage.fleet.database, disk)
    controllers = [await stage.fleet.add_controller(name) for name in ("c1", "c2")]
    await stage.fleet.add_agent("a1")
    await stage.pulse()
    running = [await stage.start(f"ends-{n}", 4 + n, n) for n in range(4)]
    await stage.sample("before")
    ballast = disk / "ballast"
    await _allow_reading(stage.fleet.database)
    async with stage.fault("full", "database"):
        fill(ballast)
        for n in range(40 if stage.is_short else 80):
            await stage.job(f"refused-{n}", 0.2, parameters=_much(stage))
            await asyncio.sleep(0.2)
        told = (stage.fleet.database.data_dir / "server.log").read_text(errors="replace")
        stage.expect("No space left on device" in told, "the disk was not full")
        stage.expect((await stage.fleet.client.get("/api/jobs"))["data"], "reading does not work either")
        ballast.unlink()
    stage.healed()
    stage.expect(all(c.is_running for c in controllers), "a controller exited")
    for code, execution_id in enumerate(running):
        ended = await stage.until_status(execution_id, "succeeded", "failed", "lost", secs=60)
        stage.expect(
            ended["exit_code"] == code, f"{execution_id} ended with {ended['exit_code']}, not {code}"
        )


def _much(stage: Stage) -> list[dict[str, Any]]:
    """What takes room in the database, however it is packed."""
    return [
        {"name": f"p{n}", "param_type": "text", "description": stage.random.randbytes(200).hex()}
        for n in range(20)
    ]


async def _allow_reading(database: EmbeddedPostgres) -> None:
    """After its system's tables were cleaned, PostgreSQL has to write a file before the next connection can read.

    So it writes that now, and cleans nothing from here on.
    """
    connection = await asyncpg.connect(database.dsn("tocsin"))
    await connection.execute("ALTER SYSTEM SET autovacuum = off")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()
    await asyncio.sleep(0.5)
    await (await asyncpg.connect(database.dsn("tocsin"))).close()


async def _move_to(database: EmbeddedPostgres, disk: Path) -> None:
    """Keep the tables on this disk; what PostgreSQL writes ahead stays where it was."""
    database.dsn("tocsin")  # makes it
    owner = database.data_dir.stat()
    os.chown(disk, owner.st_uid, owner.st_gid)
    connection = await asyncpg.connect(database.dsn())
    await connection.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
    await connection.execute("ALTER DATABASE tocsin SET TABLESPACE small")
    await connection.close()


async def _set_read_only(stage: Stage, value: str) -> None:
    connection = await asyncpg.connect(stage.fleet.dsn)
    try:
        await connection.execute("SET default_transaction_read_only = off")
        await connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


@scenario(
    "F10",
    "a database that lost its last seconds takes over",
    shows=("G2", "G4", "G6"),
    certain=USUAL - {"V2", "V11"},
    lateness_secs=30,
)
async def lost_seconds(stage: Stage) -> None:
    """As a lagging replica that is promoted: a new epoch keeps fences from being used again; what runs goes on."""
    controller = await stage.fleet.add_controller("c1")
    agent = await stage.fleet.add_agent("a1")
    running = await stage.start("runs-through", 25, 5)
    await stage.until_status(running, "running")
    await stage.job("waited", 0.2, lost_after_secs=10)
    agent.kill()
    await asyncio.sleep(3)  # its poll is given up, so what is triggered now waits
    await stage.fleet.client.trigger("waited")
    database = stage.fleet.database
    lagging = stage.fleet.directory / "lagging"
    async with stage.fault("lost_seconds", "database"):
        await asyncio.to_thread(database.pg_ctl, "stop", "-m", "fast")
        await asyncio.to_thread(_copy, database.data_dir, lagging)
        await asyncio.to_thread(database.pg_ctl, "start")
        await stage.fleet.until_ready("c1")
        agent.start()
        await stage.until_witnessed("waited", "end")
        await asyncio.sleep(2)
        controller.kill()  # nobody may work with the database before the epoch begins
        await asyncio.to_thread(database.pg_ctl, "stop", "-m", "immediate")
        await asyncio.to_thread(_copy, lagging, database.data_dir)
        await asyncio.to_thread(database.pg_ctl, "start")
        bump = [str(BIN / "tocsin-controller"), "epoch", "bump"]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")}
        await asyncio.to_thread(subprocess.run, bump, env=inherited | controller.environment, check=True)
        controller.start()
        await stage.fleet.until_ready("c1")
        await asyncio.sleep(2)  # the balancer looks once a second
    stage.healed()
    await stage.pulse()
    newer = await stage.until_witnessed("pulse")
    older = stage.witnessed("runs-through")[0]
    stage.expect(
        newer.fence >> EPOCH_SHIFT > older.fence >> EPOCH_SHIFT, "fences of the lost seconds may come again"
    )
    ended = await stage.until_status(running, "failed", "lost", secs=40)
    told = (ended["exit_code"], ended["reason"])
    stage.expect(ended["exit_code"] == 5 or ended["status"] == "lost", f"what ran through ended with {told}")
    waited = await stage.until_status(stage.witnessed("waited")[0].execution_id, "lost", secs=40)
    stage.expect(
        waited["reason"] == "epoch_changed", f"what ran in the lost seconds ended with {waited['reason']}"
    )


def _copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", source, target], check=True)

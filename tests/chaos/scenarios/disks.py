"""The agent's disk is full, damaged, or forgets what was not synced."""

import asyncio
import time
import uuid
from pathlib import Path

from tests.chaos.processes import end_all_below, end_strays
from tests.chaos.scenario import scenario
from tests.chaos.shims import Disk
from tests.chaos.stage import Stage
from tests.keepers import end_keepers

#: Runs what follows where the kernel says the boot id of a file: the first word after this.
_UNDER_ANOTHER_BOOT = (
    "unshare",
    "-m",
    "sh",
    "-c",
    'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"',
)


@scenario("F13", "an agent's host loses power right after a job ended", shows=("G2", "G4"))
async def power_cut(stage: Stage) -> None:
    """What was not synced is gone, everything that ran is gone, and no success is invented."""
    await stage.fleet.add_controller("c1")
    state = stage.fleet.state_dir("a1")
    state.mkdir(mode=0o700)
    disk, boot = Disk(stage.fleet.directory, state), stage.fleet.directory / "boot-id"
    boot.write_text(f"{uuid.uuid4()}\n")
    agent = await stage.fleet.add_agent(
        "a1", before=[*_UNDER_ANOTHER_BOOT, str(boot)], under=disk.environment
    )
    await stage.pulse()
    await stage.sample("before")
    for n in range(2 if stage.is_short else 6):
        await stage.job(f"long-{n}", 30)
        await stage.job(f"brief-{n}", 0.5, 4)
        await stage.fleet.client.trigger(f"long-{n}")
        await stage.fleet.client.trigger(f"brief-{n}")
        await stage.until_witnessed(f"long-{n}")
        await stage.until_witnessed(f"brief-{n}", "end")
        async with stage.fault("power", "a1"):
            await asyncio.sleep(stage.random.random() * 0.02)
            agent.kill()
            end_keepers(state)
            end_all_below(state)
            end_strays(stage.fleet.witness_program)
            disk.lose_power()
            boot.write_text(f"{uuid.uuid4()}\n")
            agent.start()
            await stage.fleet.until_agent("a1", "online")
    stage.healed()
    for execution in await stage.fleet.client.all_of("/api/executions?status=succeeded"):
        stage.expect(not execution["job_name"].startswith(("long", "brief")), "a success was invented")


@scenario("F22a", "the disk of an agent is full for a while", shows=("G4",), lateness_secs=30)
async def full(stage: Stage) -> None:
    """It takes no more work before anything is lost, and what it has is delivered."""
    await stage.fleet.add_controller("c1")
    state = stage.fleet.state_dir("a1")
    stage.fleet.small_disk(state, "96m")
    agent = await stage.fleet.add_agent("a1", min_free_bytes=str(4 * 1024 * 1024))
    await stage.pulse()
    await stage.until_witnessed("pulse")
    running = await stage.start("runs-meanwhile", 4, 5)
    await stage.sample("before")
    async with stage.fault("full", "a1"):
        ballast = state / "ballast"
        fill(ballast)
        began = time.time_ns()
        await stage.until_witnessed("runs-meanwhile", "end")
        await asyncio.sleep(6)
        late = [w for w in stage.witnessed() if w.wall_ns > began + 2_000_000_000]
        stage.expect(not late, f"{len(late)} processes were started while the disk was full")
        ballast.unlink()
    stage.healed()
    agent.start()  # if it gave up: so does systemd
    ended = await stage.until_status(running, "failed", secs=60)
    stage.expect(ended["exit_code"] == 5, f"the result is {ended['exit_code']}, not 5")


def fill(file: Path) -> None:
    """Take all that is left of the disk that the file is on."""
    with file.open("wb", buffering=0) as ballast:
        size = 1024 * 1024
        while size:
            try:
                ballast.write(b"x" * size)
            except OSError:
                size //= 2


@scenario(
    "F22b", "records in an agent's journal are damaged while it is down", shows=("G4",), lateness_secs=30
)
async def damaged(stage: Stage) -> None:
    """The damaged ones are set aside, the rest is delivered."""
    await stage.fleet.add_controller("c1")
    agent = await stage.fleet.add_agent("a1")
    await stage.pulse()
    await stage.until_witnessed("pulse")
    await stage.sample("before")
    link = stage.fleet.agent_links["a1"]
    async with stage.fault("damage", "a1"):
        jobs = [await stage.start(f"kept-{n}", 1, n) for n in range(6)]
        link.refuse()
        await stage.until_witnessed("kept-5", "end")
        await asyncio.sleep(1)
        agent.kill()
        (log,) = stage.fleet.state_dir("a1").rglob("control.log")
        data = bytearray(log.read_bytes())
        middle = len(data) // 2
        data[middle] ^= 0x40
        log.write_bytes(data)
        agent.start()
        await asyncio.sleep(1)
        link.heal()
    stage.healed()
    delivered = 0
    for code, execution_id in enumerate(jobs):
        ended = await stage.until_status(execution_id, "succeeded", "failed", "lost", secs=60)
        delivered += ended["exit_code"] == code
    stage.expect(
        delivered >= len(jobs) - 1, f"one record was damaged, {len(jobs) - delivered} results are missing"
    )

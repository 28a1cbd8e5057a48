"""The database moves to a streaming replica while jobs run: controllers follow, and nothing is doubled."""

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from tests.integration.fleet.conftest import BIN, Fleet
from tests.net import free_port

from tocsin_controller import embedded_host as host
from tocsin_controller.embedded import EmbeddedPostgres
from tocsin_shared.logs import log
from tocsin_shared.protocol import epoch_of

#: Says how long it took to recover (`pytest -rP` shows it); nothing is asserted about it.
EVERY_SECOND = {"type": "cron", "value": "* * * * * *"}
#: A dead primary shows at once, a frozen one when its statements run into their limits.
MOVES_WITHIN_SECS = 20.0


@dataclass
class Pair:
    """A primary and its streaming replica."""

    primary: EmbeddedPostgres
    replica: EmbeddedPostgres
    dsn: str
    """Names both, as controllers are given it."""

    def promote(self) -> None:
        """The replica accepts writes from now on."""
        self.replica.pg_ctl("promote")


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Both servers, the replica caught up."""
    # Not below pytest's own temporary directory: it takes the right to pass away from others at each start.
    with tempfile.TemporaryDirectory(prefix="tocsin-pair-", ignore_cleanup_errors=True) as directory:
        parent, ports = Path(directory), (free_port(), free_port())
        parent.chmod(0o711)
        with EmbeddedPostgres(parent / "primary", listen_port=ports[0]) as primary:
            dsn = primary.tcp_dsn("tocsin")
            copy_cluster(primary, parent / "replica")
            with EmbeddedPostgres(parent / "replica", listen_port=ports[1]) as replica:
                hosts = f"127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}"
                both = dsn.replace(f"127.0.0.1:{ports[0]}", hosts) + "?target_session_attrs=read-write"
                yield Pair(primary, replica, both)


def copy_cluster(primary: EmbeddedPostgres, target: Path) -> None:
    """A replica that follows the primary."""
    account = host.server_account(primary.data_dir)
    who = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    target.mkdir(mode=0o700)
    if account is not None:
        os.chown(target, account.pw_uid, account.pw_gid)
    options: dict[str, Any] = {"cwd": "/", "check": True, **who}
    source = primary.dsn().replace("/postgres?", "/?")
    subprocess.run(
        [primary.bin_dir / "pg_basebackup", "-d", source, "-D", target, "-R", "-X", "stream", "-c", "fast"],
        **options,
    )


@pytest.fixture
def database_url(pair: Pair) -> str:
    """What the fleet's controllers connect to."""
    return pair.dsn


async def serves(fleet: Fleet, url: str, status: int = 200) -> None:
    """Until a controller is ready, or is not."""
    began = time.monotonic()
    async with asyncio.timeout(MOVES_WITHIN_SECS):
        while True:
            try:
                async with fleet.http.get(f"{url}/api/health/ready") as answer:
                    if answer.status == status:
                        log.info("controller_answers", status=status, secs=round(time.monotonic() - began, 2))
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


async def fires_again(fleet: Fleet, job: str) -> None:
    """Until a run of the job that was not there before has succeeded."""
    began = time.monotonic()
    async with asyncio.timeout(MOVES_WITHIN_SECS):
        before = {run["id"] for run in (await fleet.get(f"/api/jobs/{job}/runs"))["data"]}
        while True:
            runs = (await fleet.get(f"/api/jobs/{job}/runs"))["data"]
            if any(run["status"] == "succeeded" and run["id"] not in before for run in runs):
                log.info("fires_again", secs=round(time.monotonic() - began, 2))
                return
            await asyncio.sleep(0.1)


async def begin_epoch(pair: Pair) -> None:
    """As the script that promotes a replica would."""
    bump = await asyncio.create_subprocess_exec(
        BIN / "tocsin-controller", "epoch", "bump", "--database-url", pair.dsn, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await bump.communicate()
    assert said.startswith(b"epoch 1 has begun")


async def test_controllers_follow_the_database_to_a_promoted_replica(
    fleet: Fleet, pair: Pair, tmp_path: Path
) -> None:
    urls = [await fleet.controller(name) for name in ("first", "second")]
    await fleet.agent("one")
    witness = tmp_path / "witness"
    ticking = await fleet.job(f"echo $TOCSIN_EXECUTION_ID >> {witness}", schedule=EVERY_SECOND)
    long = await fleet.run("sleep 8; echo done")
    before = await fleet.started(long)
    await fires_again(fleet, ticking)

    pair.primary.pg_ctl("stop", "-m", "immediate")
    pair.promote()
    for url in urls:
        await serves(fleet, url)
    await begin_epoch(pair)

    await fires_again(fleet, ticking)
    ended = await fleet.ended(long, secs=MOVES_WITHIN_SECS)
    assert (ended["status"], ended["fence"]) == ("succeeded", before["fence"])
    fresh = await fleet.ended(await fleet.run("true"))
    assert (fresh["status"], epoch_of(fresh["fence"])) == ("succeeded", 1)
    started = witness.read_text().split()
    assert len(started) == len(set(started))
    instants = [run["scheduled_for"] for run in (await fleet.get(f"/api/jobs/{ticking}/runs"))["data"]]
    assert len(instants) == len(set(instants))


async def test_an_old_primary_that_comes_back_is_refused(fleet: Fleet, pair: Pair) -> None:
    url = await fleet.controller()
    pair.primary.pg_ctl("stop", "-m", "immediate")
    pair.promote()
    await serves(fleet, url)
    await begin_epoch(pair)
    await fleet.agent("one")
    assert (await fleet.ended(await fleet.run("true")))["status"] == "succeeded"

    pair.replica.pg_ctl("stop", "-m", "immediate")
    pair.primary.pg_ctl("start")
    async with asyncio.timeout(MOVES_WITHIN_SECS):
        while "stale_database_refused" not in fleet.log("controller"):
            await asyncio.sleep(0.1)
    await serves(fleet, url, status=503)

    pair.replica.pg_ctl("start")
    await serves(fleet, url)
    assert (await fleet.ended(await fleet.run("true")))["status"] == "succeeded"


async def test_a_frozen_primary_is_given_up_for_the_promoted_replica(fleet: Fleet, pair: Pair) -> None:
    url = await fleet.controller()
    await fleet.agent("one")
    ticking = await fleet.job("true", schedule=EVERY_SECOND)
    await fires_again(fleet, ticking)
    postmaster = psutil.Process(pair.primary.pid)
    frozen = [postmaster, *postmaster.children(recursive=True)]
    for process in frozen:
        process.suspend()
    try:
        pair.promote()
        await serves(fleet, url)
        await fires_again(fleet, ticking)
    finally:
        for process in frozen:
            process.resume()

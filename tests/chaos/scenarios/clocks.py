"""Clocks jump: a controller's, an agent's, the database's; and the wall clocks of a zone do, as the law says."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from tests.chaos.scenario import USUAL, scenario
from tests.chaos.shims import Clock
from tests.chaos.stage import Stage

_HOUR_SECS = 3600


@scenario(
    "F20a",
    "the clocks of a controller and of an agent jump by an hour and strobe",
    shows=("G8",),
    is_short=True,
)
async def clocks_jump(stage: Stage) -> None:
    """Nothing depends on them: no run is early, late, doubled or lost."""
    clocks = {name: Clock(stage.fleet.directory, name) for name in ("c1", "a1")}
    await stage.fleet.add_controller("c1", under=clocks["c1"].environment)
    await stage.fleet.add_agent("a1", under=clocks["a1"].environment)
    await stage.pulse()
    await stage.until_witnessed("pulse")
    await stage.sample("before")
    for name, clock in clocks.items():
        async with stage.fault("clock", name):
            for ahead_secs in (_HOUR_SECS, -_HOUR_SECS):
                clock.set(ahead_secs)
                await asyncio.sleep(1.5 if stage.is_short else 8)
            for _ in range(10 if stage.is_short else 60):
                clock.set(stage.random.uniform(-_HOUR_SECS, _HOUR_SECS))
                await asyncio.sleep(0.1)
            clock.set(0)
    stage.healed()
    offline = [e for e in await stage.fleet.client.all_of("/api/events") if e["kind"] == "agent.offline"]
    stage.expect(not offline, "an agent was declared offline because of a clock")


@scenario(
    "F20b",
    "the clock of the database's host jumps by an hour, there and back",
    shows=("G1", "G8"),
    certain=USUAL - {"V1", "V10"},
    lateness_secs=30,
)
async def the_database_clock_jumps(stage: Stage) -> None:
    """Due times go by that clock, so an hour is missed and an hour comes again: recorded once, run once."""
    clock = Clock(stage.fleet.directory, "database")
    await _database_under(stage, clock)
    await stage.fleet.add_controller("c1")
    await stage.fleet.add_agent("a1")
    await stage.pulse("minutely", "0 * * * * *")
    await stage.job("asked-for", 0.2)
    await stage.sample("before")
    async with stage.fault("clock", "database"):
        for ahead_secs in (_HOUR_SECS, 0, _HOUR_SECS):
            clock.set(ahead_secs)
            for _ in range(3):
                await asyncio.sleep(2)
                await stage.fleet.client.trigger("asked-for")
    stage.meta = replace(stage.meta, database_ahead_secs=_HOUR_SECS, is_database_jumping=True)
    stage.healed()
    runs = await stage.fleet.client.all_of("/api/runs")
    due = [run["scheduled_for"] for run in runs if run["scheduled_for"]]
    stage.expect(len(due) == len(set(due)), "an instant has two runs")
    stage.expect(len(due) >= 60, f"of an hour of minutes {len(due)} have a record")


#: What the zone does, and what is due around it: a little before the moment, in UTC.
_CHANGES = {
    "spring": datetime(2027, 3, 28, 0, 59, 50, tzinfo=UTC),
    "autumn": datetime(2027, 10, 31, 0, 59, 50, tzinfo=UTC),
}
_AROUND = {
    "fixed-in-the-gap": ("0 30 2 * * *", "once"),
    "fixed-skipped": ("0 30 2 * * *", "skip"),
    "fixed-at-the-hour": ("0 0 2 * * *", "once"),
    "fixed-twice": ("5 0 2 * * *", "twice"),
    "every-5-secs": ("*/5 * * * * *", "once"),
}


@scenario(
    "F21", "the clocks of a zone change while jobs are due", shows=("G1",), certain=USUAL - {"V10", "V11"}
)
async def the_law_changes_clocks(stage: Stage) -> None:
    """Both changes of Berlin's clocks, lived through by everything; the verdicts ask the brute-force oracle."""
    clock = Clock(stage.fleet.directory, "all")
    when = _CHANGES[stage.random.choice(sorted(_CHANGES))]
    ahead_secs = round(when.timestamp() - time.time())
    clock.set(ahead_secs)
    await _database_under(stage, clock)
    await stage.fleet.add_controller("c1", under=clock.environment)
    await stage.fleet.add_agent("a1", under=clock.environment)
    clock.set(round(when.timestamp() - time.time()))
    stage.meta = replace(stage.meta, database_ahead_secs=round(when.timestamp() - time.time()))
    for name, (cron, dst) in _AROUND.items():
        await stage.pulse(name, cron, timezone="Europe/Berlin", dst=dst)
    async with stage.fault("clock_change", "Europe/Berlin"):
        await asyncio.sleep(25)
    stage.healed()
    runs = await stage.fleet.client.all_of("/api/runs")
    stage.expect(len(runs) >= 4, f"{len(runs)} runs in 25 s around the change")
    stage.expect(all(line.nominal_ns is not None for line in stage.witnessed()), "a run without its instant")


async def _database_under(stage: Stage, clock: Clock) -> None:
    """Start PostgreSQL again with another clock."""
    await asyncio.to_thread(stage.fleet.database.pg_ctl, "stop", "-m", "fast")
    with _environment(clock.environment):
        await asyncio.to_thread(stage.fleet.database.pg_ctl, "start")


@contextmanager
def _environment(more: dict[str, str]) -> Iterator[None]:
    """For programs that inherit ours."""
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)

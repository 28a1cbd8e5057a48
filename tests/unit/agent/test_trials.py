"""Connections that a controller wants tried: how many at once, and in which directory."""

import asyncio
from pathlib import Path

import pytest

from tocsin_agent.connecting.ordered import Trials
from tocsin_agent.connecting.process import try_in_process
from tocsin_agent.policy import Policy
from tocsin_shared.connections.given import GivenConnection
from tocsin_shared.ids import new_id
from tocsin_shared.network import Reach
from tocsin_shared.protocol import MAX_TRIALS, TrialOrder, TrialResult


def sqlite(path: str) -> GivenConnection:
    return GivenConnection(name="c", conn_type="sqlite", config={"connection_string": path})


async def test_who_asks_for_more_than_is_tried_at_once_is_told_so() -> None:
    told: list[TrialResult] = []
    over = asyncio.Event()

    def tell() -> None:
        batch = trials.results()
        assert len(batch) <= MAX_TRIALS  # no heartbeat takes more
        told.extend(result for result in batch if result not in told)
        if len(told) == len(orders):
            over.set()
        asyncio.get_running_loop().call_soon(trials.told, batch)

    trials = Trials(Policy(task_types=frozenset({"shell"})), on_result=tell)
    orders = [TrialOrder(trial_id=new_id(), connection=sqlite("/a.db")) for _ in range(3 * MAX_TRIALS)]
    assert trials.begin(orders)
    await asyncio.wait_for(over.wait(), 30)
    await trials.close()
    beyond = orders[MAX_TRIALS:]
    assert [result.trial_id for result in told[: len(beyond)]] == [order.trial_id for order in beyond]
    assert all("connections already; try again" in result.message for result in told[: len(beyond)])
    assert all("task_types names none" in result.message for result in told[len(beyond) :])


async def test_the_directory_of_the_program_adds_no_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "aiosqlite.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    tried = await try_in_process(sqlite("/dev/null"), reach=Reach(), timeout_secs=30)
    assert tried.success, tried.message
    assert not (tmp_path / "ran").exists()

"""The short scenarios, as they run with every change; `make chaos` plays all of them."""

from pathlib import Path

import pytest

import tests.chaos.scenarios  # noqa: F401  registers them
from tests.chaos.scenario import SCENARIOS, Scenario, run

SEED = 1


@pytest.mark.chaos
@pytest.mark.parametrize("one", [one for one in SCENARIOS.values() if one.is_short], ids=lambda one: one.key)
async def test_the_promises_hold(one: Scenario, tmp_path: Path) -> None:
    report = await run(one, SEED, tmp_path, is_short=True)
    assert report.failures == [], report.directory

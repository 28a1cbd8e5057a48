"""The short scenarios, as they run with every change; `make chaos` plays all of them."""

import asyncio
from pathlib import Path

import pytest

import tests.chaos.scenarios  # noqa: F401  registers them
from tests.chaos.check import told
from tests.chaos.scenario import SCENARIOS, Report, Scenario, run

SEED = 1
#: They mostly wait, so that several share the machine.
AT_ONCE = 3
OUT = Path(__file__).parents[2] / "chaos-report" / "short"
SHORT = [one for one in SCENARIOS.values() if one.is_short]

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def reports(request: pytest.FixtureRequest) -> dict[str, Report]:
    """All that were asked for, played side by side, each on an installation of its own."""
    asked = {
        one.key
        for item in request.session.items
        if hasattr(item, "callspec") and isinstance(one := item.callspec.params.get("one"), Scenario)
    }

    async def play_all() -> list[Report]:
        places = asyncio.Semaphore(AT_ONCE)

        async def play(one: Scenario) -> Report:
            async with places:
                return await run(one, SEED, OUT, is_short=True)

        return await asyncio.gather(*(play(one) for one in SHORT if one.key in asked))

    return {report.scenario.key: report for report in asyncio.run(play_all())}


@pytest.mark.parametrize("one", SHORT, ids=lambda one: one.key)
def test_the_promises_hold(one: Scenario, reports: dict[str, Report]) -> None:
    report = reports[one.key]
    assert report.failures == [], f"{report.directory}\n{told(report.findings)}"

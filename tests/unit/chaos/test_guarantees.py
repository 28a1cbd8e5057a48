"""The page on guarantees names scenarios and verdicts that exist, and all of them."""

import re
from pathlib import Path

import tests.chaos.scenarios  # noqa: F401  registers them
from tests.chaos.scenario import SCENARIOS
from tests.chaos.verdicts.every import VERDICTS

PAGE = (Path(__file__).parents[3] / "docs/guarantees.md").read_text()
PROMISES = {
    number: set(re.findall(r"\bF\d+[a-z]?\b", shown))
    for number, shown in re.findall(r"^\| (G\d+) \|.*\|([^|]+)\|$", PAGE, re.MULTILINE)
}


def test_every_guarantee_names_scenarios_that_exist() -> None:
    assert list(PROMISES) == [f"G{n}" for n in range(1, 11)]
    for number, shown in PROMISES.items():
        assert shown, number
        assert shown <= set(SCENARIOS), (number, shown - set(SCENARIOS))


def test_the_page_and_the_scenarios_say_the_same() -> None:
    for key, one in SCENARIOS.items():
        assert {number for number, shown in PROMISES.items() if key in shown} == set(one.shows), key


def test_every_scenario_shows_something() -> None:
    assert {key for key, one in SCENARIOS.items() if not one.shows} == {"MIX"}


def test_every_verdict_is_explained() -> None:
    assert re.findall(r"^\| (V\d+) \|", PAGE, re.MULTILINE) == list(VERDICTS)

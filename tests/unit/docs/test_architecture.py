"""The architecture and operations pages say what the code says."""

import re
from pathlib import Path

from tocsin_shared.executions import TRANSITIONS, Reason

ROOT = Path(__file__).parents[3]
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
CONTROLLER = ROOT / "controller/tocsin_controller"


def test_the_state_diagram_shows_exactly_the_transitions() -> None:
    shown = re.findall(r"^    (\w+) --> (\w+)$", ARCHITECTURE, re.MULTILINE)
    allowed = [(str(old), str(new)) for old, moves in TRANSITIONS.items() for new in moves]
    assert sorted(shown) == sorted(allowed)


def test_every_table_is_described() -> None:
    migrations = (CONTROLLER / "store/migrations").glob("*.sql")
    created = {
        name
        for file in migrations
        for name in re.findall(r"^CREATE TABLE (\w+) \(", file.read_text(), re.MULTILINE)
        if name != "schema_migrations"
    }
    assert set(re.findall(r"^\| `(\w+)` \|", _section("Tables"), re.MULTILINE)) == created


def test_every_guarantee_names_a_place_and_a_test() -> None:
    rows = re.findall(r"^\| (G\d+) \|([^|]+)\|([^|]+)\|([^|]+)\|$", _section("Guarantees"), re.MULTILINE)
    assert [number for number, *_ in rows] == [f"G{n}" for n in range(1, 11)]
    for number, _, places, tests in rows:
        files = re.findall(r"`([\w/]+\.(?:py|sql))`", places)
        assert files, number
        assert all((CONTROLLER / file).exists() for file in files), (number, files)
        assert "::test_" in tests, number


def test_the_folders_of_every_distribution_are_described() -> None:
    described = set(re.findall(r"^\| `([\w/]+)/` \|", _section("Layout"), re.MULTILINE))
    packages = [
        ROOT / "agent/tocsin_agent",
        CONTROLLER,
        ROOT / "shared/tocsin_shared",
        ROOT / "cli/tocsin_cli",
    ]
    for package in packages:
        assert str(package.relative_to(ROOT)) in described
    for package in packages[:2]:
        for folder in package.iterdir():
            if (folder / "__init__.py").exists():
                assert str(folder.relative_to(ROOT)) in described


def test_every_reason_is_explained() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    assert re.findall(
        r"^\| `(\w+)` \|.*\|.*\|$", text.partition("## Reasons")[2].partition("\n## ")[0], re.MULTILINE
    ) == [str(reason) for reason in Reason]


def _section(title: str) -> str:
    return ARCHITECTURE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]

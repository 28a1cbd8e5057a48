"""The pages name only what exists: files, folders, tests, other pages."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in ("README.md", "CHANGELOG.md", "docs/*.md", "docs/decisions/*.md")
    for path in ROOT.glob(pattern)
)
#: Written by `make docs`, whose `--check` holds them against the code.
GENERATED = {"docs/configuration.md", "docs/cli.md"}
OWN_FOLDERS = ("agent", "cli", "controller", "deploy", "docs", "requirements", "shared", "systemd", "tests")

_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
_PATH = re.compile(rf"`((?:{'|'.join(OWN_FOLDERS)})/[\w./-]*)`")
_TEST = re.compile(r"`((?:unit|integration|compat)/[\w/]+\.py)::(\w+)`")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    for target, heading in _LINK.findall((ROOT / page).read_text()):
        path = (ROOT / page).parent / target if target else ROOT / page
        if path.resolve().relative_to(ROOT).as_posix() in GENERATED:
            continue
        assert path.exists(), f"{page} links to {target}"
        if heading:
            assert heading in _headings(path), f"{page} links to {target}#{heading}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_paths_of_the_repository_exist(page: Path) -> None:
    for path in _PATH.findall((ROOT / page).read_text()):
        assert (ROOT / path).exists(), f"{page} names {path}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_tests_that_are_named_exist(page: Path) -> None:
    for file, name in _TEST.findall((ROOT / page).read_text()):
        assert re.search(rf"def {name}\(", (ROOT / "tests" / file).read_text()), f"{page}: {file}::{name}"


def test_each_decision_has_a_number_of_its_own() -> None:
    files = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert len({file.name[:4] for file in files}) == len(files)
    for file in files:
        text = file.read_text()
        assert text.startswith(f"# {file.name[:4]}. ")
        assert re.findall(r"^## (\w+)", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def _headings(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

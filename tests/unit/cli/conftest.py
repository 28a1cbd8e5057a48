"""The CLI, run inside this process against a fake controller."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.unit.cli.fake_api import FakeApi

from tocsin_cli.main import root

Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory, and no TOCSIN_* variable that could reach the CLI."""
    for name in ("URL", "KEY", "KEY_FILE", "PROFILE", "CA_FILE"):
        monkeypatch.delenv(f"TOCSIN_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    return tmp_path


@pytest.fixture
def tocsin(home: Path) -> Run:
    """Runs `tocsin` with these arguments."""

    def run(*args: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(root, args, input=stdin, prog_name="tocsin")

    return run


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[FakeApi]:
    """A fake controller that the CLI finds through TOCSIN_URL."""
    with FakeApi() as running:
        monkeypatch.setenv("TOCSIN_URL", running.url)
        yield running

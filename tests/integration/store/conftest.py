"""Fixtures for tests that restart, stop or kill their PostgreSQL."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgres import UNSAFE_BUT_FAST

from tocsin_controller.embedded import EmbeddedPostgres


@pytest.fixture(scope="module")
def cluster_parent() -> Iterator[Path]:
    """A directory that the server's account can reach."""
    with tempfile.TemporaryDirectory(prefix="tocsin-test-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)


@pytest.fixture(scope="module")
def own_postgres(cluster_parent: Path) -> Iterator[EmbeddedPostgres]:
    """A server of this module's own, to be restarted or killed, but left running."""
    with EmbeddedPostgres(cluster_parent / "own", UNSAFE_BUT_FAST) as server:
        yield server

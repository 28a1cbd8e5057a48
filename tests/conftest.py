"""Fixtures for everyone: a real PostgreSQL, started when the first test asks, and a database per test."""

import os
import runpy
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from tests.postgres import UNSAFE_BUT_FAST, ExternalServer, Server, dsn_of, new_database, run_apart
from tocsin_controller.embedded import EmbeddedPostgres
from tocsin_controller.maintenance import Maintenance
from tocsin_controller.store.database import Database
from tocsin_controller.store.migrate import migrate

#: What the servers of some workers may fill.
MEMORY_BYTES = 4 * 1024**3

REPOSITORY = Path(__file__).parent.parent

#: Other tests and programs share the processors: how long an example takes says nothing about the product.
#: TOCSIN_TEST_EXAMPLES=1000 looks longer at every property that names no number of its own.
hypothesis.settings.register_profile(
    "shared",
    max_examples=int(os.environ.get("TOCSIN_TEST_EXAMPLES", "25")),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("shared")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that started this in the background: programs under test would inherit it and never see a Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def keeper() -> None:
    """The agent's compiled part is what its sources say: a checkout is installed once and edited often."""
    program = REPOSITORY / "agent" / "tocsin_agent" / "bin" / "tocsin-keeper"
    runpy.run_path(str(REPOSITORY / "agent" / "keeper" / "build.py"))["build_if_stale"](program)


def log_as_tests_do() -> None:
    """Lines on stdout, where capturing finds them. Tracebacks are plain: drawn in boxes, one takes seconds."""
    structlog.reset_defaults()
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer])


log_as_tests_do()


@pytest.fixture(autouse=True)
def logs_of_its_own() -> Iterator[None]:
    """A command run in this process sets up logging for all of it: the next test hears its own log lines again."""
    yield
    log_as_tests_do()


def in_memory() -> str | None:
    """A directory that no disk stands behind, where there is room: a database of hundreds of files is copied there ten
    times as fast. None: wherever temporary files go.
    """
    memory = Path("/dev/shm")  # noqa: S108  private directories are made in it
    has_room = (
        memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_BYTES
    )
    return str(memory) if has_room else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server for the whole session; a test that stops or kills a server starts its own."""
    if url := os.environ.get("TOCSIN_TEST_DATABASE_URL"):
        yield ExternalServer(url)
        return
    # Not below pytest's own temporary directory: it takes the right to pass away from others at each start.
    with tempfile.TemporaryDirectory(
        prefix="tocsin-test-", dir=in_memory(), ignore_cleanup_errors=True
    ) as directory:
        Path(directory).chmod(0o711)
        with EmbeddedPostgres(Path(directory) / "pg", UNSAFE_BUT_FAST) as server:
            yield server


async def prepare(dsn: str) -> None:
    """The schema, and the partitions of these days: so that no test has to make them."""
    await migrate(dsn)
    database = await Database.open(dsn, application_name="tests")
    await Maintenance(database, retention_days=0, audit_retention_days=0).once()
    await database.close()


@pytest.fixture(scope="session")
def template_database(postgres: Server) -> Iterator[str]:
    """The name of a database with the newest schema, to be cloned, never written to."""
    with new_database(postgres) as name:
        run_apart(prepare(dsn_of(postgres, name)))
        yield name


@pytest.fixture
def database_url(postgres: Server, template_database: str) -> Iterator[str]:
    """A database of this test's own with the newest schema."""
    with new_database(postgres, template=template_database) as name:
        yield dsn_of(postgres, name)


@pytest.fixture
def empty_database_url(postgres: Server) -> Iterator[str]:
    """A database of this test's own without any schema."""
    with new_database(postgres) as name:
        yield dsn_of(postgres, name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """This test's database, opened."""
    opened = await Database.open(database_url, application_name="tocsin-test")
    yield opened
    await opened.close()

"""Brings the schema up to the code's version: numbered SQL files, forward only, each in one transaction.

`0007_agent_labels.pre.sql` changes the schema so that the release before still runs on it, `.post.sql` needs
the new code everywhere; without a marker nothing is promised. A file may not change once it was applied.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from tocsin_controller.store.postgres.dial import Dialer, SessionSettings
from tocsin_controller.store.postgres.outage import guarded
from tocsin_shared.logs import log

MIGRATIONS: Final = Path(__file__).parent / "migrations"
LOCK_KEY: Final = 0x746F6373  # "tocs"; advisory locks are per database
LOCK_TIMEOUT_SECS: Final = 10  # a migration queueing behind a long query would block everyone behind itself

_FILE_NAME: Final = re.compile(r"(?P<version>\d{4})_\w+(\.pre|\.post)?\.sql")
_CREATE_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version int PRIMARY KEY,
        name text NOT NULL,
        checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )"""


class MigrationError(Exception):
    """The schema can't be brought to this release's version; the message is one line for the operator."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file, or the row that says it was applied."""

    version: int
    name: str
    """The file's name without `.sql`: `0007_agent_labels.pre`."""
    checksum: str
    sql: str = ""

    @property
    def is_pre(self) -> bool:
        """The release before still runs on the schema after this."""
        return self.name.endswith(".pre")

    @property
    def is_post(self) -> bool:
        """Only once every controller runs this release."""
        return self.name.endswith(".post")


async def migrate(
    dsn: str, *, directory: Path = MIGRATIONS, before_rollout: bool = False, up_to: int | None = None
) -> list[Migration]:
    """Apply what is missing, in order; several controllers may call it at once, one does the work.

    `before_rollout` stops before the first `.post` file, `up_to` after that version. Raises MigrationError or
    Unavailable; what was applied before the failing file stays applied.
    """
    known = load(directory)
    async with _connection(dsn) as connection:
        await guarded(connection.execute, "SELECT pg_advisory_lock($1)", LOCK_KEY)
        await guarded(connection.execute, _CREATE_TABLE)
        todo = missing(known, await _applied(connection))
        if before_rollout:
            first_post = next((i for i, migration in enumerate(todo) if migration.is_post), len(todo))
            todo = todo[:first_post]
        if up_to is not None:
            todo = [migration for migration in todo if migration.version <= up_to]
        for migration in todo:
            await _apply(connection, migration)
            log.info("migration_applied", migration=migration.name)
    return todo


async def pending(dsn: str, *, directory: Path = MIGRATIONS) -> list[Migration]:
    """What `migrate` would apply; changes nothing. Raises as `migrate` does."""
    known = load(directory)
    async with _connection(dsn) as connection:
        if await guarded(connection.fetchval, "SELECT to_regclass('schema_migrations')") is None:
            return known
        return missing(known, await _applied(connection))


def load(directory: Path) -> list[Migration]:
    """The directory's migrations in order of their number."""
    migrations: dict[int, Migration] = {}
    for file in sorted(directory.glob("*.sql")):
        match = _FILE_NAME.fullmatch(file.name)
        if match is None:
            raise MigrationError(f"{file.name}: migrations are named NNNN_name[.pre|.post].sql")
        version = int(match["version"])
        if version in migrations:
            raise MigrationError(f"{file.name} and {migrations[version].name}.sql have the same number")
        content = file.read_bytes()
        migrations[version] = Migration(
            version, file.stem, hashlib.sha256(content).hexdigest(), content.decode("utf-8")
        )
    return list(migrations.values())


def missing(known: Sequence[Migration], applied: Iterable[Migration]) -> list[Migration]:
    """The known ones still to apply, in order; raises MigrationError where history and code disagree."""
    files: Mapping[int, Migration] = {migration.version: migration for migration in known}
    done = {migration.version: migration for migration in applied}
    newest = max(done, default=0)
    for version, migration in done.items():
        if version in files and files[version].checksum != migration.checksum:
            raise MigrationError(f"{migration.name}.sql has changed since it was applied; restore the file")
        if version not in files and not migration.is_pre:
            raise MigrationError(f"the database is newer than this release: it has {migration.name}")
    todo = [migration for migration in known if migration.version not in done]
    if todo and todo[0].version < newest:
        raise MigrationError(f"{todo[0].name}.sql was never applied, but {done[newest].name} was")
    return todo


@asynccontextmanager
async def _connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection without time limits: building an index on a large table takes what it takes."""
    settings = SessionSettings("tocsin-migrate", statement_timeout_secs=0, lock_timeout_secs=0)
    connection = await Dialer(dsn, settings).dial()
    try:
        yield connection
        await guarded(connection.close, timeout=5)  # frees the advisory lock too
    finally:
        connection.terminate()


async def _applied(connection: asyncpg.Connection) -> list[Migration]:
    rows = await guarded(connection.fetch, "SELECT version, name, checksum FROM schema_migrations")
    return [Migration(row["version"], row["name"], row["checksum"]) for row in rows]


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    try:
        await guarded(_in_one_transaction, connection, migration)
    except asyncpg.PostgresError as error:
        raise MigrationError(f"{migration.name}.sql failed: {error}") from error


async def _in_one_transaction(connection: asyncpg.Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECS}s'")
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
            migration.version,
            migration.name,
            migration.checksum,
        )

"""Backup and restore of everything a controller knows, online and in bounded memory.

A backup is a ZIP file: `manifest.json` and one member per table in PostgreSQL's binary COPY format, all of one moment
(one REPEATABLE READ snapshot). The manifest is written last and holds the checksum and the row count of each member, so
a file that was cut off has none.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import IO, Any, Final

from tocsin_controller.recovery import Begun, begin_epoch_in
from tocsin_controller.store.copying import (
    Applied,
    Partition,
    Table,
    applied_migrations,
    continue_queue,
    copy_in,
    copy_out,
    count_rows,
    create_partition,
    drop_all,
    empty,
    filling_order,
    hold_off_maintenance,
    partitions,
    patient_session,
    tables,
)
from tocsin_controller.store.epoch import read_epoch
from tocsin_controller.store.migrate import MIGRATIONS, load, migrate
from tocsin_controller.store.postgres.session import Session
from tocsin_controller.store.restoring import UNFINISHED, is_unfinished, mark_finished, mark_unfinished

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
CHUNK_BYTES: Final = 1024 * 1024
#: They say nothing about whether somebody uses the database.
_ALWAYS_THERE: Final = frozenset({"cluster", "brake", "counting", "indexing", "templates"})


class BackupError(Exception):
    """The backup can't be written, or this file can't be restored here; the message is one line for the operator."""


@dataclass(frozen=True, slots=True)
class Member:
    """One table in the file."""

    table: str
    columns: tuple[str, ...]
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    format: int
    release: str
    created_at: str
    epoch: int
    migrations: tuple[Applied, ...]
    partitions: tuple[Partition, ...]
    members: tuple[Member, ...]

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(member.rows for member in self.members)


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did."""

    manifest: Manifest
    begun: Begun


async def back_up(dsn: str, target: IO[bytes]) -> Manifest:
    """Write a backup of the database as it is at this moment. The target need not be seekable."""
    async with patient_session(dsn) as session:
        if await is_unfinished(session):
            raise BackupError(UNFINISHED)
        # Of tables that are being read nobody may drop or attach a part, and whoever waits to do so makes others wait.
        await hold_off_maintenance(session)
        await session.connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        applied = await applied_migrations(session)
        if not applied:
            raise BackupError("there is nothing to back up: the database has no schema")
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            members = [await _write_member(session, archive, table) for table in await tables(session)]
            manifest = Manifest(
                format=FORMAT,
                release=version("tocsin-controller"),
                created_at=datetime.now(UTC).isoformat(),
                epoch=await read_epoch(session),
                migrations=tuple(applied),
                partitions=tuple(await partitions(session)),
                members=tuple(members),
            )
            archive.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))
    return manifest


async def restore(dsn: str, source: IO[bytes], *, force: bool, keep_queue: bool = False) -> Restored:
    """Make the database what it was at the backup, and begin a new epoch (`keep_queue`: see `begin_epoch`).

    The file is verified first, and rows are written in one transaction. Without `force` only a database that nobody has
    used is taken; with it, everything in it goes. A mark in the database says that this has begun, until it has
    finished: a later try then begins an epoch above the one that was overwritten all the same. Raises BackupError.
    """
    try:
        archive = zipfile.ZipFile(source)
    except zipfile.BadZipFile as error:
        raise BackupError(f"this is no backup, or it was cut off: {error}") from None
    with archive:
        manifest = _read_manifest(archive)
        _check_schema(manifest)
        verify(archive, manifest)
        async with patient_session(dsn) as session:
            seen_epoch = await _make_room(session, manifest, force=force)
        await migrate(dsn, up_to=manifest.migrations[-1].version)
        async with patient_session(dsn) as session, session.transaction():
            await _fill(session, archive, manifest)
        await migrate(dsn)
        async with patient_session(dsn) as session, session.transaction():
            why = f"restore of the backup of {manifest.created_at}"
            begun = await begin_epoch_in(session, why=why, above=seen_epoch, keep_queue=keep_queue)
            await mark_finished(session)
    return Restored(manifest, begun)


def verify(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """Read everything once. Raises BackupError when something is missing or is not what was written."""
    for member in manifest.members:
        try:
            digest = hashlib.sha256()
            with archive.open(f"{member.table}.copy") as data:
                while chunk := data.read(CHUNK_BYTES):
                    digest.update(chunk)
        except (KeyError, zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
            raise BackupError(f"the backup is damaged: {member.table}: {error}") from None
        if digest.hexdigest() != member.sha256:
            raise BackupError(f"the backup is damaged: {member.table} is not what was written")


async def _write_member(session: Session, archive: zipfile.ZipFile, table: Table) -> Member:
    digest = hashlib.sha256()
    with archive.open(f"{table.name}.copy", "w", force_zip64=True) as out:

        async def write(data: bytes) -> None:
            digest.update(data)
            out.write(data)

        rows = await copy_out(session, table, write)
    return Member(table.name, table.columns, rows, digest.hexdigest())


def _read_manifest(archive: zipfile.ZipFile) -> Manifest:
    try:
        raw: dict[str, Any] = json.loads(archive.read(MANIFEST))
        if raw["format"] != FORMAT:
            raise BackupError(f"the backup has format {raw['format']}; this release reads {FORMAT}")
        return Manifest(
            **{
                **raw,
                "migrations": tuple(Applied(**one) for one in raw["migrations"]),
                "partitions": tuple(Partition(**one) for one in raw["partitions"]),
                "members": tuple(
                    Member(**{**one, "columns": tuple(one["columns"])}) for one in raw["members"]
                ),
            }
        )
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
        raise BackupError(f"this is no backup, or it was cut off: {error}") from None


def _check_schema(manifest: Manifest) -> None:
    """This release must know every step that led to the backup's schema."""
    known = {one.version: one for one in load(MIGRATIONS)}
    for step in manifest.migrations:
        mine = known.get(step.version)
        if mine is None:
            raise BackupError(f"the backup is newer than this release: its schema has {step.name}")
        if mine.checksum != step.checksum:
            raise BackupError(f"the backup's schema has another {step.name} than this release")


async def _make_room(session: Session, manifest: Manifest, *, force: bool) -> int:
    """Leave no table behind; the epoch that the database was in, so that the next one is above that too."""
    found = await tables(session) if await applied_migrations(session) else []
    if not force:
        for table in found:
            if table.name not in _ALWAYS_THERE and await count_rows(session, table):
                raise BackupError(
                    f"the database is in use: {table.name} has rows; restore to an empty one, or lose them with --force"
                )
    epoch = await read_epoch(session) if any(table.name == "cluster" for table in found) else 0
    names = {table.name for table in found} | {member.table for member in manifest.members}
    async with session.transaction() as transaction:
        seen_epoch = await mark_unfinished(transaction, epoch)
        if found:
            await drop_all(transaction, sorted(names))
    return seen_epoch


async def _fill(session: Session, archive: zipfile.ZipFile, manifest: Manifest) -> None:
    for partition in manifest.partitions:
        await create_partition(session, partition)
    await empty(session, [member.table for member in manifest.members])
    order = {name: place for place, name in enumerate(await filling_order(session))}
    for member in sorted(manifest.members, key=lambda one: order[one.table]):
        table = Table(member.table, member.columns)
        rows = await copy_in(session, table, _chunks(archive, member))
        if not rows == member.rows == await count_rows(session, table):
            raise BackupError(f"{member.table} has {rows} rows in the backup, not {member.rows}")
    await continue_queue(session)


async def _chunks(archive: zipfile.ZipFile, member: Member) -> AsyncIterator[bytes]:
    with archive.open(f"{member.table}.copy") as data:
        while chunk := data.read(CHUNK_BYTES):
            yield chunk

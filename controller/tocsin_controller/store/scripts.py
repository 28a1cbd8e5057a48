"""Questions about stored scripts."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.statements import sql
from tocsin_shared.scripts import MOST_SCRIPTS, ScriptType

_LIST_SCRIPTS = sql("list_scripts")
_EXPORT_SCRIPTS = sql("export_scripts")
_SCRIPT = sql("script")
_LOCK_SCRIPT = sql("lock_script")
_SHARE_SCRIPT = sql("share_script")
_SAVE_SCRIPT = sql("save_script")
_DELETE_SCRIPT = sql("delete_script")
_JOBS_RUNNING_SCRIPT = sql("jobs_running_script")
_SCRIPTS_KNOWN = sql("scripts_known")
_GIVEN_SCRIPTS = sql("given_scripts")

#: Read at once when all are read: each may have a megabyte.
_BATCH = 8


@dataclass(frozen=True, slots=True)
class StoredScript:
    """A script as executions are given it."""

    name: str
    script_type: str
    code: str


@dataclass(frozen=True, slots=True)
class StoredScripts:
    """What was found."""

    scripts: dict[str, StoredScript]
    #: By run; runs without params are not here.
    params: dict[UUID, dict[str, Any]]


async def list_scripts(db: Queries) -> list[Record]:
    """All of them by name, without code."""
    return await db.fetch(_LIST_SCRIPTS, MOST_SCRIPTS + 100)


async def every_script(session: Session) -> AsyncIterator[Record]:
    """All of them by name, with their code."""
    after = ""
    while rows := await session.fetch(_EXPORT_SCRIPTS, after, _BATCH):
        for row in rows:
            yield row
        after = rows[-1]["name"]


async def script_row(db: Queries, name: str) -> Record | None:
    """One script."""
    return await db.fetchrow(_SCRIPT, name)


async def lock_script(session: Session, name: str) -> ScriptType | None:
    """The type of a script that is about to be changed; None when there is none."""
    found = await session.fetchval(_LOCK_SCRIPT, name)
    return None if found is None else ScriptType(found)


async def share_script(session: Session, name: str) -> ScriptType | None:
    """The type of a script that a job is about to name; None when there is none."""
    found = await session.fetchval(_SHARE_SCRIPT, name)
    return None if found is None else ScriptType(found)


async def save_script(session: Session, name: str, script_type: ScriptType, code: str, by: str) -> bool:
    """False when there are too many for a new one."""
    return await session.fetchval(_SAVE_SCRIPT, name, script_type, code, by, MOST_SCRIPTS) is not None


async def delete_script(session: Session, name: str) -> None:
    """Deletes one that the caller has locked."""
    await session.execute(_DELETE_SCRIPT, name)


async def jobs_running(session: Session, name: str, most: int) -> list[str]:
    """Names of jobs that run this script, so many at most."""
    return [row["name"] for row in await session.fetch(_JOBS_RUNNING_SCRIPT, name, most)]


async def known_scripts(db: Queries, names: Sequence[str]) -> set[str]:
    """Which of these names are taken."""
    return {row["name"] for row in await db.fetch(_SCRIPTS_KNOWN, list(names))}


async def given_scripts(session: Queries, names: Iterable[str], run_ids: Iterable[UUID]) -> StoredScripts:
    """Scripts by name and params by run, in one question."""
    runs = sorted(set(run_ids))
    found = StoredScripts({}, {})
    for row in await session.fetch(_GIVEN_SCRIPTS, sorted(set(names)), runs, runs[0]):
        if row["run_id"] is not None:
            found.params[row["run_id"]] = row["params"]
        else:
            found.scripts[row["name"]] = StoredScript(row["name"], row["script_type"], row["code"])
    return found

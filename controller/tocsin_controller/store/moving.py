"""Questions about everything that people made: for taking it out, bringing it in, and doing away with it."""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

from tocsin_controller.store.connections import list_connections
from tocsin_controller.store.copying import tables
from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.statements import Statement, sql

_EXPORT_JOBS = sql("export_jobs")
_EXPORT_VARIABLES = sql("export_variables")
_JOBS_KNOWN = sql("jobs_known")
_VARIABLES_KNOWN = sql("variables_known")
_TEMPLATES_KNOWN = sql("templates_known")
_LEASES_EXIST = sql("leases_exist")
_ONE_MOMENT = sql("one_moment")
_COUNT_JOBS = sql("count_jobs")
_DELETE_OWN_TEMPLATES = sql("delete_own_templates")
_RESTART_COUNTING = sql("restart_counting")

#: Rows read at once.
BATCH: Final = 200

#: Tables that stay when all data is deleted: who may come in, what holds for the fleet, and what was done. All others
#: are emptied, so that nothing is left behind by a table that nobody thought of.
KEPT: Final = frozenset(
    {
        "agents",
        "api_keys",
        "audit_log",
        "brake",
        "cluster",
        "connections",
        "counting",
        "encryption_keys",
        "indexing",
        "settings",
        "templates",
    }
)  # fmt: skip


async def see_one_moment(session: Session) -> None:
    """All that follows in this transaction sees the same state. Must come first."""
    await session.execute(_ONE_MOMENT)


async def every_job(session: Session) -> AsyncIterator[Record]:
    """Jobs by name."""
    after = ""
    while rows := await session.fetch(_EXPORT_JOBS, after, BATCH):
        for row in rows:
            yield row
        after = rows[-1]["name"]


async def every_variable(session: Session) -> AsyncIterator[Record]:
    """Variables by name, with what is sealed."""
    after = ""
    while rows := await session.fetch(_EXPORT_VARIABLES, after, BATCH):
        for row in rows:
            yield row
        after = rows[-1]["name"]


async def every_connection(session: Session) -> AsyncIterator[Record]:
    """Connections by name, with what is sealed."""
    after = ""
    while rows := await list_connections(session, after=after, limit=BATCH):
        for row in rows:
            yield row
        after = rows[-1]["name"]


async def known_jobs(db: Queries, ids: Sequence[UUID], names: Sequence[str]) -> tuple[set[UUID], set[str]]:
    """Which of these ids and names are taken."""
    rows = await db.fetch(_JOBS_KNOWN, list(ids), list(names))
    return {row["id"] for row in rows}, {row["name"] for row in rows}


async def known_variables(db: Queries, names: Sequence[str]) -> set[str]:
    """Which of these names are taken."""
    return {row["name"] for row in await db.fetch(_VARIABLES_KNOWN, list(names))}


async def known_templates(db: Queries, names: Sequence[str]) -> set[str]:
    """Which of these names are taken."""
    return {row["name"] for row in await db.fetch(_TEMPLATES_KNOWN, list(names))}


async def count_held(session: Session, most: int) -> int:
    """How many executions agents have, counted no further than `most`."""
    found: int = await session.fetchval(_LEASES_EXIST, most)
    return found


async def empty_everything(session: Session) -> int:
    """Does away with everything but what is KEPT; how many jobs that were."""
    jobs: int = await session.fetchval(_COUNT_JOBS)
    names = ", ".join(f'"{table.name}"' for table in await tables(session) if table.name not in KEPT)
    await session.execute(Statement("empty_everything", f"TRUNCATE {names}"))
    await session.execute(_DELETE_OWN_TEMPLATES)
    await session.execute(_RESTART_COUNTING)
    return jobs

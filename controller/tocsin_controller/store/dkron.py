"""Questions that only Dkron's API asks."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from tocsin_controller.store.database import Queries, Record
from tocsin_controller.store.statements import sql
from tocsin_shared.ids import id_floor

_HISTORY = sql("dkron_history")
_ADD_UP = sql("dkron_add_up")
_FAMILY = sql("dkron_family")
_CHAIN = sql("dkron_chain")
_DAYS = sql("dkron_days")
_EPHEMERAL = sql("dkron_ephemeral")
_ENDS = sql("dkron_ends")

#: Of each job so many newest executions are counted, besides what was added up before.
MOST_COUNTED: Final = 1_000
#: So many are added up together.
ADDED_UP_FROM: Final = 20
#: No execution comes to stand before those of this age any more.
SETTLED_AFTER: Final = timedelta(minutes=2)
#: Results of lost executions can still come.
LOST_AFTER: Final = timedelta(days=2)


async def histories(db: Queries, since: Mapping[UUID, UUID]) -> dict[UUID, Record]:
    """How each job's executions from an id on ended, and its last run.

    What has settled is added up by whoever asks, so that nobody reads it again.
    """
    if not since:
        return {}
    now = datetime.now(UTC)
    bounds = id_floor(now - SETTLED_AFTER), id_floor(now - LOST_AFTER)
    rows = await db.fetch(_HISTORY, list(since), list(since.values()), MOST_COUNTED, *bounds)
    if settled := [row for row in rows if row["settled"] >= ADDED_UP_FROM]:
        columns = ("settled_upto", "settled_succeeded", "settled_failed", "settled_success", "settled_error")
        counts = ([row[column] for row in settled] for column in columns)
        await db.execute(_ADD_UP, [row["job_id"] for row in settled], *counts)
    return {row["job_id"]: row for row in rows}


async def families(db: Queries, job_ids: Sequence[UUID]) -> tuple[dict[UUID, str], dict[UUID, list[str]]]:
    """By job the name of the first job it waits for, and the names of those that wait for it."""
    parents: dict[UUID, str] = {}
    children: dict[UUID, list[str]] = {}
    for row in await db.fetch(_FAMILY, list(job_ids)) if job_ids else ():
        parents.setdefault(row["job_id"], row["parent_name"])
        children.setdefault(row["parent_id"], []).append(row["child_name"])
    return parents, children


async def is_chain_over(db: Queries, run_id: UUID) -> bool | None:
    """Whether all that a run set off has ended; None while nothing has begun."""
    over: bool | None = await db.fetchval(_CHAIN, run_id)
    return over


async def counts_by_day(db: Queries, first: date) -> list[Record]:
    """`day`, `succeeded` and `failed`, of days from that one on on which something was counted."""
    return await db.fetch(_DAYS, first)


async def ephemeral_jobs(db: Queries, most: int) -> list[UUID]:
    """Jobs whose time is over, because they have succeeded."""
    return [row["id"] for row in await db.fetch(_EPHEMERAL, most)]


async def ends_between(db: Queries, first: UUID, before: UUID) -> list[Record]:
    """`job_id`, `succeeded` and `failed`: executions whose ends were told by events with these ids."""
    return await db.fetch(_ENDS, first, before)

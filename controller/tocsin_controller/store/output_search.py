"""Questions about the full text search over output."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.statements import sql

_LOCK_INDEXING = sql("lock_indexing")
_INDEXING_STATE = sql("indexing_state")
_SET_INDEXING = sql("set_indexing")
_EXECUTIONS_TO_INDEX = sql("executions_to_index")
_UNINDEXED_DUE = sql("unindexed_due")
_LOOK_AGAIN = sql("look_again")
_FORGET_UNINDEXED = sql("forget_unindexed")
_OUTPUT_HEADS = sql("output_heads")
_INSERT_OUTPUT_SEARCH = sql("insert_output_search")
_SEARCH_OUTPUT = sql("search_output")
_PLAN_EACH_SEARCH = sql("plan_each_search")
_OLDEST_SEARCHABLE = sql("oldest_searchable")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An execution that may be made findable."""

    id: UUID
    #: None: it is gone.
    status: str | None
    stdout_bytes: int
    stderr_bytes: int


async def lock_indexing(session: Session) -> bool:
    """Whether it is for this transaction to fill the search."""
    is_ours: bool = await session.fetchval(_LOCK_INDEXING)
    return is_ours


async def indexed_until(db: Queries) -> UUID:
    """Executions before this one have been looked at."""
    found: UUID = await db.fetchval(_INDEXING_STATE)
    return found


async def set_indexed_until(session: Session, until: UUID) -> None:
    """Executions before this one have been looked at."""
    await session.execute(_SET_INDEXING, until)


async def executions_to_index(session: Session, since: UUID, before: UUID, most: int) -> list[Candidate]:
    """The next executions by id."""
    return [_candidate(row) for row in await session.fetch(_EXECUTIONS_TO_INDEX, since, before, most)]


async def unindexed_due(session: Session, most: int) -> list[Candidate]:
    """Executions that had not ended when they were looked at."""
    return [_candidate(row) for row in await session.fetch(_UNINDEXED_DUE, most)]


async def look_again(session: Session, after_secs: Mapping[UUID, float]) -> None:
    """These have not ended: they are looked at again."""
    if after_secs:
        await session.execute(_LOOK_AGAIN, list(after_secs), list(after_secs.values()))


async def forget_unindexed(session: Session, ids: Sequence[UUID]) -> None:
    """These need not be looked at any more."""
    if ids:
        await session.execute(_FORGET_UNINDEXED, list(ids))


async def output_heads(
    db: Queries, execution_ids: Sequence[UUID], size: int
) -> dict[tuple[UUID, int], bytes]:
    """The first bytes of what each printed, by (execution, stream number)."""
    rows = await db.fetch(_OUTPUT_HEADS, list(execution_ids), size)
    return {(row["execution_id"], row["stream"]): row["data"][:size] for row in rows if row["data"]}


async def insert_output_search(session: Session, texts: Mapping[UUID, str]) -> None:
    """Makes executions findable by these words."""
    if texts:
        await session.execute(_INSERT_OUTPUT_SEARCH, list(texts), list(texts.values()))


async def search_output(
    session: Session,
    query: str,
    *,
    before: UUID,
    since: UUID,
    job_id: UUID | None,
    status: str | None,
    limit: int,
) -> list[UUID]:
    """Executions that printed this, newest first; `query` as `websearch_to_tsquery` takes it."""
    await session.execute(_PLAN_EACH_SEARCH)
    rows = await session.fetch(_SEARCH_OUTPUT, query, before, since, limit, job_id, status)
    return [row["id"] for row in rows]


async def oldest_searchable(db: Queries) -> UUID | None:
    """The oldest execution that can be found."""
    found: UUID | None = await db.fetchval(_OLDEST_SEARCHABLE)
    return found


def _candidate(row: Record) -> Candidate:
    return Candidate(row["id"], row["status"], row["stdout_bytes"] or 0, row["stderr_bytes"] or 0)

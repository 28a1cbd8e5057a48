"""Questions about runs, executions, their output, and agents, as people ask them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tocsin_controller.store.database import Queries, Record
from tocsin_controller.store.jobs import like_pattern
from tocsin_controller.store.statements import sql

_LIST_EXECUTIONS = sql("list_executions")
_COUNT_EXECUTIONS = sql("count_executions")
_EXECUTION_BY_ID = sql("execution_by_id")
_OUTPUT_TAILS = sql("output_tails")
_OUTPUT_AFTER = sql("output_after")
_OUTPUT_OF_STREAM = sql("output_of_stream")
_LIST_RUNS = sql("list_runs")
_COUNT_RUNS = sql("count_runs")
_RUN_BY_ID = sql("run_by_id")
_JOBS_OF_GROUP = sql("jobs_of_group")
_RECENT_STATUSES = sql("recent_statuses")
_LIST_AGENTS = sql("list_agents")
_AGENT_BY_ID = sql("agent_by_id")
_AGENT_BY_NAME = sql("agent_by_name")
_LEASES_OF_AGENT = sql("leases_of_agent")
_DATABASE_HEALTH = sql("database_health")


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """Which executions; None means any."""

    status: str | None = None
    job_id: UUID | None = None
    run_id: UUID | None = None
    agent_id: UUID | None = None
    since: datetime | None = None
    job_ids: Sequence[UUID] | None = None


async def list_executions(
    db: Queries, only: ExecutionFilter, *, before: UUID | None, offset: int, limit: int
) -> list[Record]:
    """Executions, newest first."""
    return await db.fetch(
        _LIST_EXECUTIONS, before, only.status, only.job_id, only.run_id, only.agent_id, only.since, only.job_ids,
        offset, limit,
    )  # fmt: skip


async def count_executions(db: Queries, only: ExecutionFilter, cap: int) -> int:
    """How many, counted no further than the cap."""
    total: int = await db.fetchval(
        _COUNT_EXECUTIONS, only.status, only.job_id, only.run_id, only.agent_id, only.since, only.job_ids, cap
    )
    return total


async def execution(db: Queries, execution_id: UUID) -> Record | None:
    """One execution."""
    return await db.fetchrow(_EXECUTION_BY_ID, execution_id)


async def output_tails(db: Queries, execution_ids: Sequence[UUID]) -> dict[tuple[UUID, int], bytes]:
    """The end of what each printed, by (execution, stream number)."""
    rows = await db.fetch(_OUTPUT_TAILS, list(execution_ids))
    return {(row["execution_id"], row["stream"]): row["data"] for row in rows}


async def output_after(db: Queries, execution_id: UUID, stdout_from: int, stderr_from: int) -> list[Record]:
    """Output from these offsets on, at most a hundred chunks, in the order it was sent."""
    return await db.fetch(_OUTPUT_AFTER, execution_id, stdout_from, stderr_from)


async def output_of_stream(db: Queries, execution_id: UUID, stream: int, start: int) -> list[Record]:
    """One stream from an offset on, at most 64 chunks."""
    return await db.fetch(_OUTPUT_OF_STREAM, execution_id, stream, start)


async def list_runs(
    db: Queries, *, status: str | None, job_id: UUID | None, before: UUID | None, offset: int, limit: int
) -> list[Record]:
    """Runs, newest first."""
    return await db.fetch(_LIST_RUNS, before, status, job_id, offset, limit)


async def count_runs(db: Queries, *, status: str | None, job_id: UUID | None, cap: int) -> int:
    """How many, counted no further than the cap."""
    total: int = await db.fetchval(_COUNT_RUNS, status, job_id, cap)
    return total


async def run(db: Queries, run_id: UUID) -> Record | None:
    """One run."""
    return await db.fetchrow(_RUN_BY_ID, run_id)


async def jobs_matching(db: Queries, *, group: str | None, search: str | None) -> list[UUID]:
    """Jobs of a group, or with a text in their name."""
    pattern = like_pattern(search) if search else None
    return [row["id"] for row in await db.fetch(_JOBS_OF_GROUP, group, pattern)]


async def recent_statuses(db: Queries) -> dict[str, list[dict[str, Any]]]:
    """The newest ten outcomes of each job."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in await db.fetch(_RECENT_STATUSES):
        one = {"status": row["status"], "started_at": row["started_at"]}
        found.setdefault(str(row["job_id"]), []).append(one)
    return found


async def list_agents(db: Queries) -> list[Record]:
    """Agents by name."""
    return await db.fetch(_LIST_AGENTS)


async def agent(db: Queries, ref: UUID | str) -> Record | None:
    """One agent, by id or name."""
    return await db.fetchrow(_AGENT_BY_ID if isinstance(ref, UUID) else _AGENT_BY_NAME, ref)


async def leases_of_agent(db: Queries, agent_id: UUID) -> list[Record]:
    """What an agent runs now."""
    return await db.fetch(_LEASES_OF_AGENT, agent_id)


async def database_size(db: Queries) -> int:
    """Bytes. Raises Unavailable."""
    size: int = await db.fetchval(_DATABASE_HEALTH)
    return size

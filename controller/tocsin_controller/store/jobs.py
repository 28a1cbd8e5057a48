"""Questions about jobs: their definition, versions and timer, which always change together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.statements import sql
from tocsin_shared.errors import Conflict
from tocsin_shared.jobs import JobDefinition, JobStatus

_READ_CLOCK = sql("read_clock")
_JOB_BY_ID = sql("job_by_id")
_JOB_BY_NAME = sql("job_by_name")
_LOCK_TIMER = sql("lock_timer")
_LOCK_JOB = sql("lock_job")
_SHARE_JOB = sql("share_job")
_KEEP_JOBS = sql("keep_jobs")
_INSERT_JOB = sql("insert_job")
_INSERT_JOB_VERSION = sql("insert_job_version")
_UPDATE_JOB = sql("update_job")
_SET_TIMER = sql("set_timer")
_DROP_TIMER = sql("drop_timer")
_DELETE_JOB = sql("delete_job")
_AGENT_EXISTS = sql("agent_exists")
_LIST_JOBS = sql("list_jobs")
_JOB_ACTIVITY = sql("job_activity")
_JOB_VERSIONS = sql("job_versions")


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job as it is stored."""

    id: UUID
    name: str
    group: str
    status: JobStatus
    version: int
    definition: JobDefinition
    #: Intervals are counted from here.
    anchor: datetime
    created_by: str | None
    created_at: datetime
    updated_at: datetime
    #: None when the schedule will not fire (again).
    next_fire_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobPage:
    """A stretch of the list of jobs, by name."""

    rows: list[Record]
    #: Matching jobs, counted up to the cap.
    total: int


async def read_clock(conn: Queries) -> datetime:
    """Database time (G8); inside a transaction, the time of its start, which its rows carry too."""
    now: datetime = await conn.fetchval(_READ_CLOCK)
    return now


async def job_row(db: Queries, ref: UUID | str) -> Record | None:
    """A job by id or by exact name, unparsed: what is shown to people."""
    return await db.fetchrow(_JOB_BY_ID if isinstance(ref, UUID) else _JOB_BY_NAME, ref)


async def lock_job(conn: Session, job_id: UUID) -> Record | None:
    """The job's row; nobody else edits, fires or deletes the job until the transaction ends.

    The timer is locked first, as the ticker does, so that the two don't wait for each other.
    """
    await conn.fetchrow(_LOCK_TIMER, job_id)
    return await conn.fetchrow(_LOCK_JOB, job_id)


async def share_job(conn: Session, job_id: UUID) -> StoredJob | None:
    """The job, which nobody deletes until the transaction ends; others may trigger it meanwhile."""
    row = await conn.fetchrow(_SHARE_JOB, job_id)
    return stored_job(row) if row else None


async def keep_jobs(conn: Queries, job_ids: Collection[UUID]) -> set[UUID]:
    """Which of these jobs exist; nobody deletes them until the transaction ends."""
    if not job_ids:
        return set()
    return {row["id"] for row in await conn.fetch(_KEEP_JOBS, list(job_ids))}


async def insert_job(
    conn: Session, job_id: UUID, status: JobStatus, definition: JobDefinition, created_by: str
) -> None:
    """A new job with its first version."""
    await conn.execute(
        _INSERT_JOB, job_id, definition.name, definition.group, status.value, plain(definition), created_by
    )


async def update_job(
    conn: Session,
    job_id: UUID,
    status: JobStatus,
    version: int,
    definition: JobDefinition,
    *,
    is_checked: bool,
) -> None:
    """The job's new state; the caller holds its lock. `is_checked`: its schedule is known to work."""
    await conn.execute(
        _UPDATE_JOB,
        job_id,
        definition.name,
        definition.group,
        status.value,
        version,
        plain(definition),
        is_checked,
    )


async def insert_job_version(
    conn: Session, job_id: UUID, version: int, definition: JobDefinition, changed_by: str
) -> None:
    """Keeps a version for history."""
    await conn.execute(_INSERT_JOB_VERSION, job_id, version, plain(definition), changed_by)


async def set_timer(
    conn: Session,
    job_id: UUID,
    *,
    version: int,
    priority: int,
    next_fire_at: datetime | None,
    anchor: datetime,
) -> None:
    """When the job fires next; with None it has no timer."""
    if next_fire_at is None:
        await conn.execute(_DROP_TIMER, job_id)
    else:
        await conn.execute(_SET_TIMER, job_id, version, priority, next_fire_at, anchor)


async def delete_job(conn: Session, job_id: UUID) -> None:
    """The job and its timer go; versions and history stay."""
    await conn.execute(_DELETE_JOB, job_id)


async def agent_exists(conn: Queries, agent_id: UUID) -> bool:
    """Whether a job can be targeted at this agent."""
    return await conn.fetchval(_AGENT_EXISTS, agent_id) is not None


async def list_jobs(
    db: Queries,
    *,
    status: str | None,
    group: str | None,
    search: str | None,
    after: str | None,
    offset: int,
    limit: int,
    cap: int,
) -> JobPage:
    """Jobs by name; `search` is found literally in the name or the task, in any case of letters."""
    pattern = None if search is None else like_pattern(search)
    rows = await db.fetch(_LIST_JOBS, status, group, pattern, after, offset, limit, cap)
    return JobPage([r for r in rows if r["id"] is not None], rows[0]["total"] if rows else 0)


async def job_activity(db: Queries, job_ids: Sequence[UUID], counted: int) -> Mapping[UUID, Record]:
    """Per job: its newest execution and the outcomes of its newest `counted` ones."""
    return {row["job_id"]: row for row in await db.fetch(_JOB_ACTIVITY, list(job_ids), counted)}


async def job_versions(db: Queries, job_id: UUID, limit: int) -> list[Record]:
    """Saved changes, newest first; also of a deleted job."""
    return await db.fetch(_JOB_VERSIONS, job_id, limit)


def stored_job(row: Record) -> StoredJob:
    """Parses a row. Raises Conflict when another release wrote what this one can't read."""
    try:
        definition = JobDefinition.model_validate(row["definition"])
    except ValidationError as error:
        raise Conflict("this release can't read the stored definition; save the job anew") from error
    return with_definition(row, definition)


def can_be_read(row: Record) -> bool:
    """Whether this release understands the stored definition."""
    try:
        JobDefinition.model_validate(row["definition"])
    except ValidationError:
        return False
    return True


def with_definition(row: Record, definition: JobDefinition) -> StoredJob:
    """The row's job, with a definition instead of the stored one."""
    return StoredJob(
        id=row["id"],
        name=row["name"],
        group=row["group_name"],
        status=JobStatus(row["status"]),
        version=row["version"],
        definition=definition,
        anchor=row["anchor"] or anchor_of(definition, row["created_at"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        next_fire_at=row["next_fire_at"],
    )


def anchor_of(definition: JobDefinition, created_at: datetime) -> datetime:
    """Where the job's intervals are counted from: `starts_at`, else the second it was created."""
    return definition.starts_at or created_at.replace(microsecond=0)


def plain(definition: JobDefinition) -> dict[str, Any]:
    """The definition as it is stored."""
    return definition.model_dump(mode="json")


def like_pattern(text: str) -> str:
    """An ILIKE pattern that finds the text literally."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"

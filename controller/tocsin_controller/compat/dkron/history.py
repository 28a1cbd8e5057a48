"""Executions as Dkron's clients see them."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final
from uuid import UUID

from tocsin_controller.compat.dkron.instants import nanoseconds
from tocsin_controller.compat.dkron.writing import (
    MOST_OUTPUT_BYTES,
    execution_id,
    kept_by,
    show_execution,
    zone_of,
)
from tocsin_controller.services.searching import search_executions
from tocsin_controller.store.database import Database, Record
from tocsin_controller.store.history import ExecutionFilter, Slice, executions_shown, runs_shown
from tocsin_controller.store.output import output_tails

#: Of a job so many are kept by Dkron.
MOST_EXECUTIONS: Final = 100
#: That run now, in one answer, and of each so much of the end of its output.
MOST_BUSY: Final = 1_000
BUSY_OUTPUT_BYTES: Final = 4_000
_STREAMS: Final = (1, 2)
_SORTED_BY: Final = {
    "id": "started_at", "started_at": "started_at", "finished_at": "finished_at", "attempt": "attempt_number",
}  # fmt: skip


async def executions_of(db: Database, job: Record) -> list[Record]:
    """The newest, newest first; those that never began are not Dkron's."""
    since = kept_by(job["definition"]).get("since")
    page = await search_executions(
        db,
        ExecutionFilter(job_ids=[job["id"]]),
        since=datetime.fromisoformat(since) if since else None,
        before=None,
        part=Slice(0, MOST_EXECUTIONS),
    )
    return [row for row in await executions_shown(db, page.ids) if row["status"] != "skipped"]


async def running(db: Database) -> tuple[list[Record], int]:
    """What runs now, by when it started, and how many there are."""
    page = await search_executions(
        db, ExecutionFilter(status="running"), since=None, before=None, part=Slice(0, MOST_BUSY)
    )
    rows = await executions_shown(db, page.ids)
    return sorted(rows, key=lambda row: row["started_at"] or row["created_at"]), page.total


async def show_executions(
    db: Database,
    rows: Sequence[Record],
    zone: tzinfo = UTC,
    limit: int | None = None,
    most: int = MOST_OUTPUT_BYTES,
) -> list[dict[str, Any]]:
    """Executions with the end of what they printed; with a limit so many bytes, and whether something is missing."""
    runs = {run["id"]: run for run in await runs_shown(db, list({row["run_id"] for row in rows}))}
    size = most if limit is None else min(limit + 4, most)
    outputs = await _outputs(db, [row["id"] for row in rows], size)
    shown: list[dict[str, Any]] = []
    for row in rows:
        run, output = runs.get(row["run_id"]), outputs[row["id"]]
        group = nanoseconds(run["created_at"] if run else row["created_at"])
        one = show_execution(row, group, output.decode("utf-8", "replace"), zone)
        is_part = len(output) < row["stdout_bytes"] + row["stderr_bytes"]
        shown.append(one if limit is None else _shortened(one, limit, is_part=is_part))
    return shown


def in_order(rows: Sequence[Record], field: str | None, order: str | None) -> list[Record]:
    """Newest first, or by that field; by one that there is not, nothing, as Dkron has it."""
    column = _SORTED_BY.get(field or "id")
    if column is None:
        return []
    latest = datetime.max.replace(tzinfo=UTC)
    return sorted(
        rows,
        key=lambda row: (row[column] or (row["created_at"] if column == "started_at" else latest), row["id"]),
        reverse=order != "ASC",
    )


def listed_in(job: Record) -> tzinfo:
    """The zone of a job's list of executions."""
    return zone_of(job["definition"])


def with_id(rows: Sequence[Record], wanted: str) -> Record | None:
    """The execution of this id."""
    return next((row for row in rows if execution_id(row) == wanted), None)


async def _outputs(db: Database, ids: Sequence[UUID], size: int) -> dict[UUID, bytes]:
    """What each printed: first all of stdout, then all of stderr; of both together the end."""
    tails = await output_tails(db, ids, size) if ids and size else {}
    return {one: b"".join(tails.get((one, stream), b"") for stream in _STREAMS)[-size:] for one in ids}


def _shortened(shown: dict[str, Any], limit: int, *, is_part: bool) -> dict[str, Any]:
    raw = shown.get("output", "").encode()
    if len(raw) <= limit:
        return shown | {"output_truncated": is_part}
    return shown | {"output": raw[len(raw) - limit :].decode("utf-8", "replace"), "output_truncated": True}

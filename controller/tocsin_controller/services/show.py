"""Rows as the JSON that people get. The keys are the shared API's, then ours."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tocsin_controller.store.database import Record
from tocsin_controller.store.jobs import StoredJob
from tocsin_shared.executions import ExecutionStatus


def show_job(job: StoredJob, activity: Record | None) -> dict[str, Any]:
    """A job with what is known of its executions."""
    shown = job.definition.model_dump(mode="json")
    shown |= {
        "id": job.id,
        "status": job.status.value,
        "version": job.version,
        "created_by": job.created_by,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "depends_on": [],
        "output_rules": None,
        "notifications": None,
        "approval_required": False,
        "sla_warning_mins": 0,
        "next_fire_time": job.next_fire_at,
        "last_execution": None,
        "execution_counts": {"total": 0, "succeeded": 0, "failed": 0},
        "deps_satisfied": True,
        "deps_status": [],
    }
    for key in ("starts_at", "expires_at", "timezone"):
        if shown[key] is None:
            del shown[key]
    if activity is not None:
        if activity["id"] is not None:
            keys = ("id", "status", "exit_code", "finished_at")
            shown["last_execution"] = {key: activity[key] for key in keys}
        shown["execution_counts"] = {key: activity[key] for key in ("total", "succeeded", "failed")}
    return shown


def show_execution(row: Record) -> dict[str, Any]:
    """An execution without its output."""
    shown = {
        key: row[key]
        for key in (
            "id", "job_id", "run_id", "job_name", "status", "reason", "message", "exit_code", "attempt_number",
            "retry_of", "created_at", "started_at", "finished_at", "cancel_requested_at", "agent_name",
            "stdout_bytes", "stderr_bytes", "stdout_truncated", "stderr_truncated", "job_version",
        )
    }  # fmt: skip
    shown["agent_id"] = row["agent_id"] or row["lease_agent_id"]
    shown["fence"] = row["lease_fence"] or row["fence"]
    shown["triggered_by"] = _triggered_by(row)
    shown["extracted"] = None
    shown["duration_secs"] = _duration(row["started_at"], row["finished_at"])
    shown["usage"] = {"cpu_secs": row["cpu_secs"], "peak_memory_bytes": row["peak_memory_bytes"]}
    if row["params"] is not None:
        shown["params"] = row["params"]
    return shown


def show_run(row: Record) -> dict[str, Any]:
    """A run without its executions."""
    keys = (
        "id", "job_id", "job_version", "job_name", "status", "reason", "message", "scheduled_for", "created_at",
        "started_at", "finished_at", "open_executions", "succeeded", "failed", "timed_out", "cancelled", "lost",
        "params",
    )  # fmt: skip
    shown = {key: row[key] for key in keys}
    shown["triggered_by"] = row["trigger"]
    shown["not_reached"] = row["not_reached"] or []
    shown["duration_secs"] = _duration(row["started_at"], row["finished_at"])
    return shown


def show_agent(row: Record) -> dict[str, Any]:
    """An agent."""
    keys = (
        "id", "name", "tags", "hostname", "address", "port", "agent_type", "status", "registered_at", "capacity",
        "version", "system_info", "load", "spool",
    )  # fmt: skip
    shown = {key: row[key] for key in keys}
    shown["last_heartbeat"] = row["last_seen_at"]
    shown["task_types"] = row["custom_task_types"] if row["agent_type"] == "custom" else row["task_types"]
    return shown


def show_event(row: Record) -> dict[str, Any]:
    """An event."""
    keys = (
        "id", "kind", "severity", "message", "job_id", "run_id", "execution_id", "agent_id", "api_key_id",
        "api_key_name", "details",
    )  # fmt: skip
    return {key: row[key] for key in keys} | {"timestamp": row["at"]}


def is_over(status: str) -> bool:
    """Whether an execution has ended."""
    return ExecutionStatus(status).is_final


def _triggered_by(row: Record) -> dict[str, Any]:
    if row["retry_of"] is not None:
        return {"type": "retry", "original_execution_id": row["retry_of"], "attempt": row["attempt_number"]}
    trigger: dict[str, Any] = row["trigger"] or {"type": "api"}
    return trigger


def _duration(started_at: datetime | None, finished_at: datetime | None) -> float | None:
    if started_at is None or finished_at is None:
        return None
    return round((finished_at - started_at).total_seconds(), 6)


def as_uuid(text: str) -> UUID | None:
    """An id, or None when the text is none."""
    try:
        return UUID(text)
    except ValueError:
        return None

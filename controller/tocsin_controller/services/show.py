"""Rows as the JSON that people get; `tocsin_shared.views` says what is in it."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tocsin_controller.store.database import Record
from tocsin_controller.store.keys import StoredKey
from tocsin_controller.workflow.rollouts.planning import RolloutState
from tocsin_shared.jobs import JobDefinition

#: What a definition that an earlier release stored may lack.
_DEFAULTS: Final = {
    name: field.get_default(call_default_factory=True)
    for name, field in JobDefinition.model_fields.items()
    if not field.is_required()
}
_OMITTED_WHEN_NONE: Final = ("starts_at", "expires_at", "timezone", "parameters", "sla_deadline", "compat")
_WITHOUT_DEPENDENCIES: Final[dict[str, Any]] = {"deps_satisfied": True, "deps_status": []}


def show_job(row: Record, activity: Record | None, more: dict[str, Any] | None = None) -> dict[str, Any]:
    """A job with what is known of its executions, and `more`. Its definition is shown as stored, even if unreadable."""
    shown = show_definition(row["definition"])
    for key in _OMITTED_WHEN_NONE:
        if shown[key] is None:
            del shown[key]
    shown |= {
        "id": row["id"],
        "status": row["status"],
        "version": row["version"],
        "created_by": row["created_by"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "next_fire_time": row["next_fire_at"],
        "quarantined_reason": row["quarantined_reason"],
        "pause": row["pause"],
        "last_execution": None,
        "execution_counts": {"total": 0, "succeeded": 0, "failed": 0},
        **_WITHOUT_DEPENDENCIES,
    }
    if activity is not None:
        if activity["id"] is not None:
            shown["last_execution"] = _pick(activity, ("id", "status", "exit_code", "finished_at"))
        shown["execution_counts"] = _pick(activity, ("total", "succeeded", "failed"))
    return shown | (more or {})


def show_definition(stored: dict[str, Any]) -> dict[str, Any]:
    """A stored definition with what an earlier release did not store."""
    return {**_DEFAULTS, **stored}


def show_execution(row: Record) -> dict[str, Any]:
    """An execution without its task and output."""
    shown = _pick(row, (
        "id", "job_id", "run_id", "job_name", "status", "reason", "message", "exit_code", "attempt_number",
        "retry_of", "scheduled_for", "created_at", "started_at", "finished_at", "cancel_requested_at", "agent_name",
        "stdout_bytes", "stderr_bytes", "stdout_truncated", "stderr_truncated", "job_version",
    ))  # fmt: skip
    if row["status"] == "running":  # what it waited for is over
        shown["reason"] = shown["message"] = None
    shown["agent_id"] = row["agent_id"] or row["lease_agent_id"]
    shown["fence"] = row["lease_fence"] or row["fence"]
    shown["triggered_by"] = _triggered_by(row)
    shown["extracted"] = row["extracted"]
    shown["duration_secs"] = _duration(row["started_at"], row["finished_at"])
    shown["usage"] = _pick(row, ("cpu_secs", "peak_memory_bytes"))
    shown["approval"] = show_approval(row["approval"])
    if row["params"] is not None:
        shown["params"] = row["params"]
    return shown


def show_run(row: Record) -> dict[str, Any]:
    """A run without its executions."""
    shown = _pick(row, (
        "id", "job_id", "job_version", "job_name", "status", "reason", "message", "scheduled_for", "created_at",
        "started_at", "finished_at", "open_executions", "succeeded", "failed", "timed_out", "cancelled", "lost",
        "params",
    ))  # fmt: skip
    shown["triggered_by"] = row["trigger"]
    shown["not_reached"] = row["not_reached"] or []
    shown["rollout"] = row["rollout"] and RolloutState.from_json(row["rollout"]).as_json()
    shown["approval"] = show_approval(row["approval"])
    shown["duration_secs"] = _duration(row["started_at"], row["finished_at"])
    return shown


def show_approval(stored: dict[str, Any] | None) -> dict[str, Any] | None:
    """Whether a run may go ahead, and who said so."""
    if stored is None:
        return None
    shown = {key: stored.get(key) for key in ("status", "by", "note")}
    for key in ("asked_at", "expires_at", "decided_at"):
        moment = stored.get(key)
        shown[key] = moment and datetime.fromisoformat(moment)
    return shown


def show_waiting(rows: list[Record]) -> list[dict[str, Any]]:
    """What a run waits for, and who is before it; from `places_of_run`."""
    shown: dict[str, dict[str, Any]] = {}
    for row in rows:
        limit = {"key": row["key"], "limit": row["at_most"], "since": row["asked_at"], "before": []}
        found = shown.setdefault(row["key"], limit)
        if row["run_id"] is not None:
            found["before"].append(_pick(row, ("run_id", "job_id", "job_name", "held_at")))
    return list(shown.values())


def show_agent(row: Record) -> dict[str, Any]:
    """An agent."""
    shown = _pick(row, (
        "id", "name", "tags", "hostname", "address", "port", "agent_type", "status", "registered_at", "capacity",
        "version", "system_info", "load", "spool",
    ))  # fmt: skip
    shown["last_heartbeat"] = row["last_seen_at"]
    if row["agent_type"] == "custom":
        shown["task_types"] = row["custom_task_types"] or row["declared_task_types"]
    else:
        shown["task_types"] = row["task_types"]
    return shown


def show_event(row: Record) -> dict[str, Any]:
    """An event."""
    shown = _pick(row, (
        "id", "kind", "severity", "message", "job_id", "run_id", "execution_id", "agent_id", "api_key_id",
        "api_key_name", "details",
    ))  # fmt: skip
    shown["timestamp"] = row["at"]
    return shown


def show_version(row: Record) -> dict[str, Any]:
    """A saved change of a job."""
    shown = _pick(row, ("version", "changed_by", "created_at"))
    shown["snapshot"] = row["definition"]
    return shown


def show_key(key: StoredKey) -> dict[str, Any]:
    """A key, without the key."""
    names = (
        "id", "name", "role", "key_prefix", "active", "created_by", "created_at", "expires_at", "last_used_at",
        "scopes",
    )  # fmt: skip
    return {name: getattr(key, name) for name in names}


def as_uuid(text: str) -> UUID | None:
    """An id, or None when the text is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _pick(row: Record, keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: row[key] for key in keys}


def _triggered_by(row: Record) -> dict[str, Any]:
    if row["retry_of"] is not None:
        return {"type": "retry", "original_execution_id": row["retry_of"], "attempt": row["attempt_number"]}
    trigger: dict[str, Any] = row["trigger"] or {"type": "api"}
    return trigger


def _duration(started_at: datetime | None, finished_at: datetime | None) -> float | None:
    if started_at is None or finished_at is None:
        return None
    return round((finished_at - started_at).total_seconds(), 6)

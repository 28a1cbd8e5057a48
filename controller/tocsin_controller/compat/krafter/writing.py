"""Jobs and executions in Krafter's words. Pure."""

from typing import Any

from tocsin_controller.compat.past import Attempt, instant
from tocsin_controller.services.show import show_definition
from tocsin_controller.store.database import Record


def show_job(row: Record, activity: Record | None) -> dict[str, Any]:
    """A job; of one that was not made by Krafter's API, what can be said of it."""
    job = show_definition(row["definition"])
    kept = (job.get("compat") or {}).get("krafter") or {}
    task = job["task"]
    kind, schedule = _schedule(job["schedule"], kept)
    shown: dict[str, Any] = {
        "id": str(row["id"]),
        "name": job["name"],
        "schedule_type": kind,
        "schedule": schedule,
        "timezone": job["timezone"] or "UTC",
        "url": task.get("url"),
        "method": task["method"].upper() if "method" in task else None,
        "headers": task.get("headers") or {},
        "timeout_ms": _timeout_ms(job, kept),
        "max_retries": job["retry_max"],
        "enabled": row["status"] == "scheduled",
        "failure_notify": bool((job["notifications"] or {}).get("on_failure")),
        "last_status": status_of(activity["status"]) if activity is not None else None,
        "last_run_at": instant(activity["finished_at"]) if activity is not None else None,
        "next_run_at": instant(row["next_fire_at"]),
        "created_at": instant(row["created_at"]),
        "updated_at": instant(row["updated_at"]),
    }
    if task.get("body") is not None:
        shown["body"] = task["body"]
    return shown


def show_execution(attempt: Attempt) -> dict[str, Any]:
    """One attempt."""
    row = attempt.row
    code = row["exit_code"]
    has_failed = attempt.is_over and row["status"] != "succeeded"
    return {
        "id": str(row["id"]),
        "status": status_of(row["status"]),
        "http_status": code if code is not None and code >= 100 else None,
        "response_body": attempt.output if attempt.is_over else None,
        "error": (row["message"] or row["reason"] or row["status"]) if has_failed else None,
        "attempt": row["attempt_number"],
        "duration_ms": attempt.milliseconds,
        "started_at": instant(row["started_at"]),
        "finished_at": instant(row["finished_at"]),
    }


def status_of(status: str) -> str:
    """`success` and `failed`, or ours where Krafter has no word."""
    match status:
        case "succeeded":
            return "success"
        case "failed" | "timed_out" | "lost":
            return "failed"
        case "pending_approval":
            return "pending"
        case other:
            return other


def _schedule(schedule: dict[str, Any], kept: dict[str, Any]) -> tuple[str, str]:
    """Its kind and text; of kinds that Krafter has not, ours."""
    match schedule["type"]:
        case "cron":
            return "cron", str(schedule["value"])
        case "interval":
            secs = schedule["value"]["interval_secs"]
            said = kept.get("schedule", "")
            return "interval", said if said.startswith("every_") else _preset(secs)
        case other:
            return other, other


def _preset(secs: int) -> str:
    for unit, size in (("h", 3_600), ("m", 60)):
        if secs % size == 0:
            return f"every_{secs // size}{unit}"
    return f"every_{secs}s"


def _timeout_ms(job: dict[str, Any], kept: dict[str, Any]) -> int | None:
    """As it was said, while it still is what the job has."""
    secs: int | None = job["timeout_secs"]
    said: int | None = kept.get("timeout_ms")
    if secs is None:
        return None
    return said if said is not None and -(-said // 1000) == secs else secs * 1000

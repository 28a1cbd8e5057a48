"""Jobs and runs in Chronos' words. Pure."""

import base64
import binascii
from typing import Any, Final

from tocsin_controller.compat.past import Attempt, PastRun, instant
from tocsin_controller.services.show import show_definition
from tocsin_controller.store.database import Record
from tocsin_shared.executions import RunStatus
from tocsin_shared.go_durations import write_duration
from tocsin_shared.masks import MASK

#: How the ids of executions begin.
EXECUTION: Final = "exec-"

_STATUS: Final = {
    RunStatus.PENDING: "pending",
    RunStatus.RUNNING: "running",
    RunStatus.SUCCEEDED: "success",
    RunStatus.SKIPPED: "skipped",
}


def show_job(row: Record) -> dict[str, Any]:
    """A job; of one that was not made by Chronos' API, what can be said of it."""
    return {
        "id": str(row["id"]),
        **show_config(row["definition"]),
        "enabled": row["status"] == "scheduled",
        "created_at": instant(row["created_at"]),
        "updated_at": instant(row["updated_at"]),
        "next_run": instant(row["next_fire_at"]),
    }


def show_config(stored: dict[str, Any]) -> dict[str, Any]:
    """A definition as it was, or could have been, sent."""
    job = show_definition(stored)
    kept = (job.get("compat") or {}).get("chronos") or {}
    return {
        "name": job["name"],
        "description": job["description"] or "",
        "schedule": _schedule(job["schedule"], kept),
        "timezone": job["timezone"] or "UTC",
        "webhook": _webhook(job["task"], kept),
        "retry_policy": _retry_policy(job, kept),
        "timeout": _timeout(job, kept),
        "concurrency": _concurrency(job),
        "tags": kept.get("tags") or {},
    }


def show_execution(run: PastRun) -> dict[str, Any]:
    """A run: Chronos' executions are runs with all their attempts."""
    last = run.last
    status = _STATUS.get(RunStatus(run.row["status"]), "failed" if run.is_over else "pending")
    shown: dict[str, Any] = {
        "id": f"{EXECUTION}{run.row['id']}",
        "job_id": str(run.row["job_id"]),
        "job_name": run.row["job_name"],
        "scheduled_time": instant(run.row["scheduled_for"] or run.row["created_at"]),
        "started_at": instant(run.row["started_at"] or run.row["created_at"]),
        "completed_at": instant(run.row["finished_at"]),
        "status": status,
        "attempts": last.row["attempt_number"] if last else 0,
        "duration": _nanoseconds(run),
    }
    if last is not None:
        if last.row["exit_code"] is not None and last.row["exit_code"] >= 100:
            shown["status_code"] = last.row["exit_code"]
        shown["response"] = last.output
        shown["node_id"] = last.row["agent_name"]
    if status in ("failed", "skipped"):
        shown["error"] = _why(run, last)
    return shown


def _why(run: PastRun, last: Attempt | None) -> str:
    return run.row["message"] or (last.row["message"] if last else None) or run.row["reason"] or "failed"


def _nanoseconds(run: PastRun) -> int:
    started, finished = run.row["started_at"], run.row["finished_at"]
    if started is None or finished is None:
        return 0
    secs: float = (finished - started).total_seconds()
    return max(round(secs * 1e9), 0)


def _schedule(schedule: dict[str, Any], kept: dict[str, Any]) -> str:
    match schedule["type"]:
        case "cron":
            return str(schedule["value"])
        case "interval":
            return f"@every {write_duration(schedule['value']['interval_secs'])}"
        case "one_shot":
            return f"@at {schedule['value']}"
        case "on_demand":
            return "@manually"
        case other:
            return f"@{other}"


def _webhook(task: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any] | None:
    """None when the job calls nothing."""
    if task["type"] != "http":
        return None
    headers = dict(task.get("headers") or {})
    auth = _auth(headers, kept.get("auth"))
    shown: dict[str, Any] = {"url": task["url"], "method": task["method"].upper(), "headers": headers}
    if task.get("body") is not None:
        shown["body"] = task["body"]
    if auth is not None:
        shown["auth"] = auth
    expected = task.get("expect_status")
    if codes := task.get("expect_statuses") or ([expected] if isinstance(expected, int) else None):
        shown["success_codes"] = codes
    return shown


def _auth(headers: dict[str, str], kept: dict[str, Any] | None) -> dict[str, Any] | None:
    """What was said about auth, with its secret masked and its header taken out; None once the header is gone."""
    if kept is None or kept["header"] not in headers:
        return None
    del headers[kept["header"]]
    match kept["type"]:
        case "basic":
            return {"type": "basic", "username": kept.get("username", ""), "password": MASK}
        case "bearer":
            return {"type": "bearer", "token": MASK}
        case _:
            return {"type": "api_key", "api_key": MASK, "header": kept["header"]}


def unmask_auth(webhook: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    """The same webhook with the stored secret where the mask was sent back."""
    auth = webhook.get("auth")
    kept = ((stored.get("compat") or {}).get("chronos") or {}).get("auth")
    headers = stored["task"].get("headers") or {}
    if not isinstance(auth, dict) or kept is None or kept["header"] not in headers:
        return webhook
    secret = _secret(kept["type"], headers[kept["header"]])
    key = {"basic": "password", "bearer": "token"}.get(str(auth.get("type")), "api_key")
    return {**webhook, "auth": {**auth, key: secret}} if auth.get(key) == MASK else webhook


def _secret(kind: str, header: str) -> str:
    if kind == "bearer":
        return header.removeprefix("Bearer ")
    if kind == "basic":
        try:
            return base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return header


def _retry_policy(job: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """What was said, as far as it still holds."""
    said = kept.get("retry_policy") or {}
    return {
        "max_attempts": job["retry_max"] + 1,
        "initial_interval": said.get("initial_interval") or write_duration(job["retry_delay_secs"]),
        "max_interval": said.get("max_interval") or write_duration(job["retry_delay_max_secs"]),
        "multiplier": job["retry_backoff"],
    }


def _timeout(job: dict[str, Any], kept: dict[str, Any]) -> str:
    if job["timeout_secs"] is None:
        return ""
    return str(kept.get("timeout") or write_duration(job["timeout_secs"]))


def _concurrency(job: dict[str, Any]) -> str:
    if job["max_concurrent"] != 1:
        return "allow"
    return "replace" if job["overlap"] == "replace" else "forbid"

"""Jobs and executions in Dkron's words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from tocsin_controller.compat.dkron.executors import write_executor
from tocsin_controller.compat.dkron.instants import nanoseconds, write_instant
from tocsin_controller.compat.dkron.reading import SHOWN_AS_SENT, is_as_made
from tocsin_controller.compat.dkron.targets import write_tags
from tocsin_controller.compat.dkron.values import KEYS
from tocsin_controller.services.show import show_definition
from tocsin_controller.store.database import Record
from tocsin_shared.dkron.instants import ZERO, parse_instant
from tocsin_shared.dkron.processors import write_processors
from tocsin_shared.executions import ExecutionStatus, RunStatus
from tocsin_shared.go_durations import write_duration

#: An execution's output, of which Dkron keeps the end.
MOST_OUTPUT_BYTES: Final = 256_000


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a job besides its definition."""

    #: As `dkron_history` has it; None when it was not asked for.
    history: Record | None = None
    parent: str = ""
    children: list[str] = field(default_factory=list)


def kept_by(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What only Dkron's clients know of a job: `job`, `made`, `since`, `base`."""
    return dict((definition.get("compat") or {}).get("dkron") or {})


def glance(row: Record) -> dict[str, Any]:
    """Of a job what most lists are filtered and sorted by."""
    stored = row["definition"]
    return {
        "id": stored["name"],
        "name": stored["name"],
        "displayname": stored.get("description") or "",
        "disabled": row["status"] == "paused",
        "metadata": (kept_by(stored).get("job") or {}).get("metadata") or None,
        "next": write_instant(row["next_fire_at"]) or ZERO,
    }


def show_job(row: Record, past: Past) -> dict[str, Any]:
    """All the keys, in order; of a job that was made elsewhere, what can be said of it."""
    stored = show_definition(row["definition"])
    kept = kept_by(stored)
    sent = kept.get("job") or {}
    shown: dict[str, Any] = {key: sent.get(key, default) for key, (_, default) in KEYS.items()}
    ours = _ours(stored)
    for keys in SHOWN_AS_SENT:
        if not is_as_made(kept, stored, keys):
            shown |= {key: ours[key] for key in keys if key in ours}
    shown |= {
        "id": stored["name"],
        "name": stored["name"],
        "displayname": stored["description"] or "",
        "disabled": row["status"] == "paused",
        "parent_job": past.parent,
        "dependent_jobs": past.children or None,
        "concurrency": ours["concurrency"] if _differs(sent, ours) else shown["concurrency"],
        "processors": shown["processors"] or {},
        "next": write_instant(row["next_fire_at"]) or ZERO,
        **_counters(kept.get("base") or {}, past.history),
        "status": _status(past.history) or sent.get("status", ""),
    }
    for key in ("tags", "metadata", "executor_config"):
        shown[key] = shown[key] or None
    return {key: shown[key] for key in KEYS}


def _ours(job: dict[str, Any]) -> dict[str, Any]:
    executor, config = write_executor(job)
    return {
        "schedule": _schedule(job),
        "timezone": job["timezone"] or "",
        "starts_at": _rewritten(job["starts_at"]),
        "expires_at": _rewritten(job["expires_at"]),
        "executor": executor,
        "executor_config": config,
        "processors": write_processors(job["output_rules"]),
        "tags": write_tags(job["target"]),
        "retries": job["retry_max"],
        "concurrency": "forbid" if job["max_concurrent"] == 1 else "allow",
    }


def _differs(sent: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    """Dkron's empty policy is `allow`."""
    return bool((sent.get("concurrency", "allow") or "allow") != ours["concurrency"])


def _rewritten(text: str | None) -> str | None:
    return None if text is None else write_instant(datetime.fromisoformat(text))


def _schedule(job: dict[str, Any]) -> str:
    schedule = job["schedule"]
    match schedule["type"]:
        case "cron":
            text = str(schedule["value"])
            return f"0 {text}" if len(text.split()) == 5 else text
        case "interval":
            return f"@every {write_duration(schedule['value']['interval_secs'])}"
        case "one_shot":
            return f"@at {_rewritten(schedule['value'])}"
        case "on_demand":
            return "" if job["depends_on"] else "@manually"
        case other:
            return f"@{other}"


def _counters(base: Mapping[str, Any], history: Record | None) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for theirs, ours in (("success_count", "succeeded"), ("error_count", "failed")):
        shown[theirs] = int(base.get(theirs, 0)) + (history[ours] if history else 0)
    for key in ("last_success", "last_error"):
        shown[key] = later(base.get(key), write_instant(history[key]) if history else None)
    return shown


def later(one: str | None, other: str | None) -> str | None:
    """Whichever is later."""
    if one is None or other is None:
        return one or other
    return one if parse_instant(one) >= parse_instant(other) else other


def _status(history: Record | None) -> str:
    """A run that reached some hosts and failed on others is a mix; one that a retry saved has succeeded."""
    if history is None or history["run_status"] is None:
        return ""
    if history["run_status"] == RunStatus.SUCCEEDED:
        return "success"
    return "partially_failed" if history["run_succeeded"] else "failed"


def zone_of(definition: Mapping[str, Any]) -> tzinfo:
    """In which the executions of a job are listed."""
    name = definition.get("timezone")
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError, KeyError):
        return UTC


def execution_id(row: Record) -> str:
    """When it started, and where."""
    return f"{nanoseconds(row['started_at'] or row['created_at'])}-{row['agent_name'] or ''}"


def show_execution(row: Record, group: int, output: str, zone: tzinfo = UTC) -> dict[str, Any]:
    """One attempt on one host; what is empty is left out, as Go does."""
    status = ExecutionStatus(row["status"])
    succeeded = status is ExecutionStatus.SUCCEEDED
    if status.is_final and not succeeded and row["message"]:
        output = f"{row['message']}\n{output}"
    shown = {
        "id": execution_id(row),
        "job_name": row["job_name"],
        "started_at": write_instant(row["started_at"] or row["created_at"], zone),
        "finished_at": (write_instant(row["finished_at"], zone) if status.is_final else None) or ZERO,
        "success": succeeded,
        "output": output,
        "node_name": row["agent_name"],
        "group": group,
        "attempt": row["attempt_number"],
    }
    return {key: value for key, value in shown.items() if value or key == "success"}

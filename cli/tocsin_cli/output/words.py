"""How parts of jobs, runs and executions are put into words."""

from collections.abc import Mapping
from typing import Any

from tocsin_cli.durations import format_duration
from tocsin_cli.output.table import Cell, status
from tocsin_cli.output.times import local_time

Json = Mapping[str, Any]


def schedule_words(schedule: Json, timezone: str | None = None) -> str:
    """`0 30 8 * * 1-5 Europe/Berlin`, `last day -2 09:00`, `every 5m 00s`, `at 2026-03-01 08:00:00`, `on demand`."""
    value = schedule.get("value")
    match schedule["type"]:
        case "cron":
            return f"{value} {timezone}" if timezone else str(value)
        case "calendar":
            words = _calendar_words(value or {})
            return f"{words} {timezone}" if timezone else words
        case "interval":
            if not value:
                return "every ?"
            distance = format_duration(value["interval_secs"])
            return (
                f"{distance} after the last run"
                if value.get("counted_from") == "finish"
                else f"every {distance}"
            )
        case "event":
            parts = (
                [value.get(key) for key in ("kind_pattern", "severity", "job_name_filter")] if value else []
            )
            return f"on {' '.join(str(part) for part in parts if part)}"
        case "one_shot":
            return f"at {local_time(value)}"
        case kind:
            return str(kind).replace("_", " ")


def _calendar_words(value: Json) -> str:
    """`last day -2 09:00`, `2nd tuesday 10:00`."""
    anchor = str(value.get("anchor", "?"))
    if anchor == "nth_weekday":
        ordinals = {1: "1st", 2: "2nd", 3: "3rd"}
        nth = value.get("nth")
        anchor = f"{ordinals.get(nth, f'{nth}th') if isinstance(nth, int) else '?'} {value.get('weekday')}"
    anchor = anchor.replace("_", " ")
    if value.get("offset_days"):
        anchor += f" {value['offset_days']:+d}"
    return f"{anchor} {value.get('hour', 0):02d}:{value.get('minute', 0):02d}"


def task_words(task: Json | None) -> str:
    """The gist of a task on one line: the command, the request."""
    if not task:
        return "-"
    match task["type"]:
        case "shell":
            return str(task["command"]).strip()
        case "http":
            return f"{str(task['method']).upper()} {task['url']}"
        case "custom":
            return f"custom {task['agent_task_type']}"
        case kind:
            return str(kind)


def trigger_words(item: Json) -> str:
    """What set off a run or execution: `scheduler`, `api`, `retry`."""
    return str((item.get("triggered_by") or {}).get("type", "-"))


def status_cell(item: Json) -> Cell:
    """The status of a run or execution, with its reason and with a cancel that is under way."""
    word = str(item["status"])
    shown = word
    if item.get("reason") and item["reason"] != word:
        shown = f"{word} ({item['reason']})"
    elif item.get("cancel_requested_at") and word in ("pending", "running"):
        shown = f"{word} (cancelling)"
    return status(word, shown)


def outcome_words(run: Json) -> str:
    """How the executions of a run ended: `3 succeeded, 1 failed, 2 open`."""
    kinds = ("succeeded", "failed", "timed_out", "cancelled", "lost")
    parts = [f"{run[kind]} {kind.replace('_', ' ')}" for kind in kinds if run[kind]]
    if run["open_executions"]:
        parts.append(f"{run['open_executions']} open")
    return ", ".join(parts) or "-"


def approval_words(approval: Json) -> str:
    """Whether a run may go ahead, and who said so: `approved by ops, 2026-03-01 08:00:00: looks good`."""
    words = str(approval["status"])
    if approval.get("by"):
        words += f" by {approval['by']}"
    if approval.get("decided_at"):
        words += f", {local_time(approval['decided_at'])}"
    elif approval["status"] == "pending" and approval.get("expires_at"):
        words += f", until {local_time(approval['expires_at'])}"
    return words + (f": {approval['note']}" if approval.get("note") else "")


def waiting_words(limit: Json) -> str:
    """What a run waits for and who has it: `key:db (limit 1), held by backup (01994c2e-...), 2 wait before it`."""
    held = [
        f"{one['job_name'] or one['job_id']} ({one['run_id']})" for one in limit["before"] if one["held_at"]
    ]
    before = len(limit["before"]) - len(held)
    words = f"{limit['key']} (limit {limit['limit']})"
    if held:
        words += f", held by {', '.join(held[:5])}" + (" and others" if len(held) > 5 else "")
    return words + (f", {before} before it" if before else "")

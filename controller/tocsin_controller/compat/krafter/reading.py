"""What a client of Krafter says about a job, as parts of a definition of ours. Pure."""

import math
import re
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from tocsin_shared.errors import InvalidInput
from tocsin_shared.notifications import Notifications
from tocsin_shared.wire import Model

#: What holds for jobs that say nothing of it.
TIMEOUT_MS: Final = 30_000
MAX_RETRIES: Final = 3
#: The document says how often, and not after how long.
RETRY_DELAY_SECS: Final = 5
RETRY_BACKOFF: Final = 2.0

_PRESET: Final = re.compile(r"every_(\d{1,6})([smhd])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class KrafterChange(Model):
    """Any part of a job as Krafter knows it."""

    model_config = ConfigDict(extra="ignore", str_max_length=100_000)

    name: Annotated[str, Field(min_length=1)] | None = None
    schedule_type: Literal["cron", "interval"] | None = None
    schedule: Annotated[str, Field(min_length=1)] | None = None
    timezone: str | None = None
    url: Annotated[str, Field(min_length=1)] | None = None
    method: str | None = None
    headers: dict[str, str] | None = None
    body: str | None = None
    timeout_ms: Annotated[int, Field(ge=1, le=24 * 3_600_000)] | None = None
    max_retries: Annotated[int, Field(ge=0, le=100)] | None = None
    enabled: bool | None = None
    failure_notify: bool | None = None


class KrafterJob(KrafterChange):
    """A new job."""

    name: Annotated[str, Field(min_length=1)]
    schedule_type: Literal["cron", "interval"]
    schedule: Annotated[str, Field(min_length=1)]
    url: Annotated[str, Field(min_length=1)]


def definition_of(job: KrafterJob) -> dict[str, Any]:
    """A whole definition. Raises InvalidInput."""
    whole = job.model_copy(
        update={
            "method": job.method or "GET",
            "timeout_ms": job.timeout_ms or TIMEOUT_MS,
            "max_retries": MAX_RETRIES if job.max_retries is None else job.max_retries,
            "enabled": job.enabled is not False,
            "failure_notify": bool(job.failure_notify),
        }
    )
    whole.model_fields_set.update(("method", "timeout_ms", "max_retries", "enabled", "failure_notify"))
    return changes_of(whole, {"task": {"type": "http"}, "compat": None, "notifications": None}) | {
        "retry_delay_secs": RETRY_DELAY_SECS,
        "retry_backoff": RETRY_BACKOFF,
    }


def changes_of(change: KrafterChange, stored: dict[str, Any]) -> dict[str, Any]:
    """The parts of the stored definition that it changes, as they are to be. Raises InvalidInput."""
    sent = change.model_dump(exclude_unset=True)
    kept = dict((stored.get("compat") or {}).get("krafter") or {})
    parts: dict[str, Any] = {}
    for name in ("name", "timezone"):
        if name in sent:
            parts[name] = sent[name]
    if "schedule" in sent or "schedule_type" in sent:
        kind = change.schedule_type or stored.get("schedule", {}).get("type", "cron")
        if change.schedule is None:
            raise InvalidInput.field("schedule", "is required together with schedule_type")
        schedule = _schedule(kind, change.schedule)
        if not _is_said(
            schedule, stored.get("schedule")
        ):  # else an interval would begin anew with each change
            parts["schedule"] = schedule
        kept["schedule"] = change.schedule
    if wanted := {key: sent[key] for key in ("url", "method", "headers", "body") if key in sent}:
        if stored["task"]["type"] != "http":
            raise InvalidInput.field("url", "this job does not call a URL; change its task by another API")
        parts["task"] = {**stored["task"], **wanted}
        parts["task"]["headers"] = parts["task"].get("headers") or None
    if change.timeout_ms is not None:
        parts["timeout_secs"] = math.ceil(change.timeout_ms / 1000)
        kept["timeout_ms"] = change.timeout_ms
    if change.max_retries is not None:
        parts["retry_max"] = change.max_retries
    if change.enabled is not None:
        parts["status"] = "scheduled" if change.enabled else "paused"
    if change.failure_notify is not None:
        parts["notifications"] = _notifications(stored.get("notifications"), on_failure=change.failure_notify)
    parts["compat"] = {"krafter": kept}
    return parts


def _notifications(stored: dict[str, Any] | None, *, on_failure: bool) -> dict[str, Any] | None:
    """What else is told stays; None when nothing is said of it any more."""
    changed = Notifications.model_validate({**(stored or {}), "on_failure": on_failure})
    return None if changed == Notifications() else changed.model_dump(mode="json")


def _is_said(schedule: dict[str, Any], stored: dict[str, Any] | None) -> bool:
    """Whether the job has this schedule already."""
    if stored is None or stored["type"] != schedule["type"]:
        return False
    if schedule["type"] == "cron":
        return bool(stored["value"] == schedule["value"])
    return bool(stored["value"]["interval_secs"] == schedule["value"]["interval_secs"])


def _schedule(kind: str, text: str) -> dict[str, Any]:
    """Presets such as `every_5m`, or cron. Raises InvalidInput."""
    if kind == "cron":
        return {"type": "cron", "value": text}
    preset = _PRESET.fullmatch(text)
    if preset is None or int(preset[1]) == 0:
        raise InvalidInput.field("schedule", "must be a preset such as every_1m, every_30m or every_24h")
    return {"type": "interval", "value": {"interval_secs": int(preset[1]) * _UNITS[preset[2]]}}

"""From parts of a definition to what the job service takes."""

from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from tocsin_controller.services.findings import invalid
from tocsin_shared.jobs import JobCreate, JobUpdate


def as_create(parts: dict[str, Any]) -> JobCreate:
    """A new job. Raises InvalidInput."""
    try:
        return JobCreate.model_validate(parts)
    except ValidationError as error:
        raise invalid(error, parts) from None


def counted_from_now(parts: dict[str, Any], now: datetime, starts_at: str | None = None) -> dict[str, Any]:
    """Intervals are first due once they have passed, where other schedulers have it so.

    One with a beginning of its own is counted from there.
    """
    schedule = parts.get("schedule")
    if schedule is None or schedule["type"] != "interval" or starts_at is not None:
        return parts
    first = now.replace(microsecond=0) + timedelta(seconds=schedule["value"]["interval_secs"])
    return {**parts, "starts_at": first.isoformat()}


def as_update(parts: dict[str, Any], stored: dict[str, Any], api: str | None = None) -> JobUpdate:
    """A change of a job: what these parts do not speak of stays, also what other APIs keep of it. Raises InvalidInput.

    `api` says whose part of `compat` is among them.
    """
    if api is not None:
        parts = {**parts, "compat": {**(stored.get("compat") or {}), **parts["compat"]}}
    try:
        return JobUpdate.model_validate(parts)
    except ValidationError as error:
        raise invalid(error, parts) from None

"""A job of Dkron's as a definition of ours. Pure."""

from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

from tocsin_controller.compat.dkron.executors import read_work
from tocsin_controller.compat.dkron.schedules import When, read_schedule
from tocsin_controller.compat.dkron.values import KEYS
from tocsin_shared.dkron.instants import parse_instant
from tocsin_shared.dkron.processors import read_processors
from tocsin_shared.dkron.schedules import ON_DEMAND
from tocsin_shared.dkron.targets import read_target
from tocsin_shared.errors import InvalidInput
from tocsin_shared.wire import dumps

#: More is not tried again.
MOST_RETRIES: Final = 100
#: Which parts of a definition some keys of Dkron's decide together.
DECIDED: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    ("schedule", "timezone", "starts_at", "expires_at", "parent_job"): (
        "schedule", "timezone", "starts_at", "expires_at",
    ),
    ("executor", "executor_config"): ("task", "timeout_secs", "limits", "output_rules"),
    ("processors",): ("output_rules",),
    ("tags",): ("target",),
    ("parent_job",): ("depends_on",),
    ("retries",): ("retry_max", "retry_delay_secs"),
    ("concurrency",): ("max_concurrent", "overlap"),
    ("displayname",): ("description",),
    ("disabled",): ("status",),
}  # fmt: skip
#: Keys that are shown as they were sent for as long as the parts that they decide are what was made of them.
SHOWN_AS_SENT: Final = tuple(
    keys for keys in DECIDED if keys[0] in ("schedule", "executor", "processors", "tags", "retries")
)


def definition_of(job: dict[str, Any], parent: str | None, now: datetime) -> dict[str, Any]:
    """All that a checked job decides, but for `compat`; `parent` is the id of the job it follows."""
    try:
        target = read_target(job["tags"])
    except ValueError as error:
        raise InvalidInput(f"Job contains invalid value: {error}.") from None
    starts_at, expires_at = job["starts_at"], job["expires_at"]
    when = _when(job, now)
    is_over = _is_over(starts_at, expires_at, now)
    work = read_work(job["name"], job["executor"], job["executor_config"])
    if sinks := read_processors(job["processors"]):
        work["output_rules"] = (work["output_rules"] or {}) | {"sinks": sinks}
    return {
        "name": job["name"],
        "description": job["displayname"] or None,
        "schedule": ON_DEMAND if is_over else when.schedule,
        "timezone": when.timezone,
        "starts_at": None if is_over else starts_at,
        "expires_at": None if is_over else expires_at,
        **work,
        "target": target,
        "depends_on": [{"job_id": parent}] if parent else [],
        "retry_max": min(job["retries"], MOST_RETRIES),
        "retry_delay_secs": 0,
        "max_concurrent": 1 if job["concurrency"] == "forbid" else 0,
        "overlap": "skip",
        "status": "paused" if job["disabled"] else "scheduled",
    }


def _when(job: dict[str, Any], now: datetime) -> When:
    """A job that follows another has no schedule of its own."""
    if job["parent_job"]:
        return When(ON_DEMAND)
    return read_schedule(job["schedule"], job["timezone"], job["name"], now)


def _is_over(starts_at: str | None, expires_at: str | None, now: datetime) -> bool:
    """Whether the time in which it may run is empty."""
    if expires_at is None:
        return False
    end = parse_instant(expires_at)
    return end <= now or (starts_at is not None and parse_instant(starts_at) >= end)


def kept_of(job: dict[str, Any]) -> dict[str, Any]:
    """What of a job's keys says something."""
    return {key: job[key] for key, (_, default) in KEYS.items() if job[key] != default and key != "id"}


def marks(definition: dict[str, Any]) -> dict[str, str]:
    """For each of SHOWN_AS_SENT a mark of the parts that were made of it, by its first key."""
    return {keys[0]: _mark(definition, DECIDED[keys]) for keys in SHOWN_AS_SENT}


def is_as_made(kept: dict[str, Any], definition: dict[str, Any], keys: tuple[str, ...]) -> bool:
    """Whether nobody has changed since what was made of these keys."""
    return (kept.get("made") or {}).get(keys[0]) == _mark(definition, DECIDED[keys])


def _mark(definition: dict[str, Any], parts: tuple[str, ...]) -> str:
    values = [_sorted(definition.get(part)) for part in parts]
    return blake2b(dumps(values), digest_size=9).hexdigest()


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value

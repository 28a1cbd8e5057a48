"""Dkron's jobs, as `GET /v1/jobs` shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tocsin_cli.importing.converted import CannotConvert, Converted, Json, name_from
from tocsin_cli.importing.dkron_executors import config_of, read_work
from tocsin_cli.importing.dkron_schedules import DkronSchedule, instant, read_schedule, written
from tocsin_shared.dkron.owners import mail_to
from tocsin_shared.dkron.processors import PROCESSORS, read_processors
from tocsin_shared.dkron.targets import NOBODY, read_target

_MOST_RETRIES: Final = 100


@dataclass(slots=True)
class _Seen:
    """What is told once for all jobs."""

    tags: set[str] = field(default_factory=set)
    is_of_server: bool = False


@dataclass(frozen=True, slots=True)
class DkronOptions:
    """How to read jobs."""

    #: Instead of what their tags say.
    target: Json | None
    #: The zone whose clock Dkron's server reads.
    timezone: str
    now: datetime


def read_jobs(value: Any, where: str, options: DkronOptions) -> Converted:
    """Every job of a list, or a single one. Raises CannotConvert."""
    jobs = [value] if isinstance(value, dict) else value
    if not isinstance(jobs, list) or not all(isinstance(job, dict) and job.get("name") for job in jobs):
        raise CannotConvert(f"{where}: no jobs of Dkron: a list of objects with names is needed")
    found = Converted()
    names = _names([str(job["name"]) for job in jobs])
    seen = _Seen()
    for job in jobs:
        try:
            _job(job, names, options, seen, found)
        except ValueError as error:
            found.skip(str(job["name"]), str(error))
    if seen.is_of_server:
        clock = f"follow {options.timezone}, taken to be the clock of Dkron's server (--timezone)"
        found.notes.append((where, f"jobs without a time zone {clock}"))
    if seen.tags:
        found.notes.append((where, f"agents need the tags that jobs ask for: {', '.join(sorted(seen.tags))}"))
    return found


def _names(names: list[str]) -> dict[str, str]:
    """What each is called here; only a name that begins with a `-` is not possible."""
    return {name: name.lstrip("-") or name_from("dkron", name) for name in names}


def _job(job: Json, names: Mapping[str, str], options: DkronOptions, seen: _Seen, found: Converted) -> None:
    name, notes = str(job["name"]), list[str]()
    for key in ("tags", "metadata", "processors"):
        if not isinstance(job.get(key) or {}, dict):
            raise ValueError(f"its {key} are no object")
    document: Json = {"name": names[name], "description": _description(job)}
    config = config_of(job.get("executor_config") or {})
    parts, told = read_work(str(job.get("executor") or ""), config, name)
    document |= parts
    notes += told
    document |= _timing(job, names, options, seen, notes)
    document["target"] = options.target or _target(job.get("tags") or {}, seen.tags, notes)
    if job.get("concurrency") == "forbid":
        document["max_concurrent"] = 1
    if retries := int(job.get("retries") or 0):
        document["retry_max"] = min(retries, _MOST_RETRIES)
        if retries > _MOST_RETRIES:
            notes.append(f"is tried {_MOST_RETRIES} times more at most, not {retries}")
    if job.get("disabled"):
        document["status"] = "paused"
    if job.get("ephemeral"):
        notes.append("stays after its first success; Dkron deleted it")
    _sinks(job.get("processors") or {}, document, notes)
    if owner := job.get("owner_email"):
        document["notifications"] = mail_to(str(owner))
        is_address = document["notifications"] is not None
        notes.append(
            f"mail goes to {owner} at its ends once the fleet has a mail server (notification_email)"
            if is_address
            else f"no mail goes to {owner}, which is no address"
        )
    found.add({key: value for key, value in document.items() if value is not None}, *notes)


def _sinks(processors: Mapping[str, Any], document: Json, notes: list[str]) -> None:
    """Where its output goes, but for processors of which there is no equal."""
    known = {name: config_of(config or {}) for name, config in processors.items() if name in PROCESSORS}
    if sinks := read_processors(known):
        document["output_rules"] = {**(document.get("output_rules") or {}), "sinks": sinks}
        kinds = " and ".join(sink["type"] for sink in sinks)
        notes.append(f"its output goes to {kinds} where the controllers' operator has opened that (output_*)")
    notes += [
        f"its output does not go to the processor {name}" for name in processors if name not in PROCESSORS
    ]


def _description(job: Json) -> str | None:
    owner = " ".join(str(one) for one in (job.get("owner"), job.get("owner_email")) if one)
    lines = [str(job.get("displayname") or ""), f"Owner: {owner}" if owner else ""]
    lines += [f"{key}: {value}" for key, value in sorted((job.get("metadata") or {}).items())]
    return "\n".join(line for line in lines if line)[:10_000] or None


def _timing(
    job: Json, names: Mapping[str, str], options: DkronOptions, seen: _Seen, notes: list[str]
) -> Json:
    """When it runs: of a child only the parent counts."""
    if parent := job.get("parent_job"):
        if parent not in names:
            notes.append(f"runs on demand only: its parent {parent} is not among the jobs")
            return {"schedule": {"type": "on_demand"}}
        return {"schedule": {"type": "on_demand"}, "depends_on": [{"job": names[parent]}]}
    read = read_schedule(str(job.get("schedule") or ""), str(job["name"]), job.get("timezone"), options.now)
    notes += read.notes
    seen.is_of_server |= read.is_of_server
    if job.get("timezone") and read.is_of_server:
        notes.append(
            f"follows the clock of Dkron's server, {options.timezone}, as it did: its zone {job['timezone']} had no "
            "effect"
        )
    timing: Json = {"schedule": read.schedule, "timezone": _zone(read, options)}
    if read.catchup_window_secs is not None:
        timing["catchup_window_secs"] = read.catchup_window_secs
    starts_at, expires_at = instant(job.get("starts_at")), instant(job.get("expires_at"))
    if expires_at is not None and expires_at <= options.now:
        notes.append("runs on demand only: it has expired")
        return {"schedule": {"type": "on_demand"}}
    for key, at in (("starts_at", starts_at), ("expires_at", expires_at)):
        if at is not None:
            timing[key] = written(at)
    return timing


def _zone(read: DkronSchedule, options: DkronOptions) -> str | None:
    return options.timezone if read.is_of_server else read.timezone


def _target(wanted: Mapping[str, Any], tags: set[str], notes: list[str]) -> Json:
    """The agents with these tags; the ones that agents need for it are added to `tags`. Raises ValueError."""
    target = read_target({key: str(value) for key, value in sorted(wanted.items())})
    if target == NOBODY:
        raise ValueError("its tags select no node at all: a count in them is no number above zero")
    if target["type"] == "local":
        notes.append("runs on a controller's own host, as it ran on Dkron's servers (server: true)")
    if said := target.get("tag") or target.get("expression"):
        tags.update(said.split(" and "))
    return target

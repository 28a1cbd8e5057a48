"""Rundeck's jobs: schedule, steps, options, node filters."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from tocsin_cli.importing.converted import Converted, Json, name_from, paused_because
from tocsin_cli.importing.quartz import to_cron
from tocsin_cli.importing.rundeck_steps import param_name, to_shell
from tocsin_cli.importing.shell_words import nobody_sets, unset_variables

_NAME: Final = re.compile(r"[^\W_][\w .\-]{0,200}")
_TAG: Final = re.compile(r"\w[\w.:/=@\-]{0,63}")
_SPAN: Final = re.compile(r"\s*([0-9]+)\s*([wdhms]?)")
_UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1, "": 1}
_FILTER: Final = re.compile(r"(!?)([A-Za-z][A-Za-z0-9_\-]*):\s*(\S+)|(\S+)")
#: What is read, and what changes nothing about what a job does; the rest is told.
_KNOWN: Final = frozenset(
    {
        "name", "description", "group", "id", "uuid", "project", "loglevel", "executionEnabled", "scheduleEnabled",
        "multipleExecutions", "maxMultipleExecutions", "timeout", "retry", "schedule", "timeZone", "sequence",
        "options", "nodefilters", "notification", "nodesSelectedByDefault", "nodeFilterEditable", "defaultTab",
    }
)  # fmt: skip
_FILTERS: Final = frozenset(
    {"dispatch", "filter", "filterExclude", "include", "exclude", "excludeFilterUncheck"}
)
_DISPATCH: Final = frozenset({"threadcount", "keepgoing", "excludePrecedence", "rankOrder"})


@dataclass(frozen=True, slots=True)
class RundeckOptions:
    """How to read jobs."""

    #: Where all jobs run; None: what their node filters say.
    target: Json | None
    #: Where jobs without node filters run, as they ran on Rundeck's server.
    server: Json
    timezone: str


def read_jobs(jobs: list[Json], options: RundeckOptions) -> Converted:
    """A document for each job that has a counterpart."""
    found = Converted()
    names = Counter(str(job["name"]) for job in jobs)
    for job in jobs:
        name, group = str(job["name"]), str(job.get("group") or "").strip("/")
        if names[name] > 1 or not _NAME.fullmatch(name):
            name = name_from(group, name)
        try:
            _job(job, name, group, options, found)
        except ValueError as error:
            found.skip(name, str(error))
    return found


def _job(job: Json, name: str, group: str, options: RundeckOptions, found: Converted) -> None:
    notes: list[str] = []
    command, env = to_shell(job.get("sequence"), notes)
    parameters = _parameters(job.get("options") or [], notes)
    env |= {f"RD_OPTION_{one['name'].upper()}": f"{{{{params.{one['name']}}}}}" for one in parameters}
    document: Json = {
        "name": name,
        "description": str(job.get("description") or "")[:10_000] or None,
        "group": re.sub(r"[^\w \-]+", "-", group)[:50].strip("-") or None,
        "task": {"type": "shell", "command": command} | ({"env": env} if env else {}),
        "schedule": {"type": "on_demand"},
        "parameters": parameters or None,
        **_target(_object(job, "nodefilters"), options, notes),
    }
    if job.get("schedule"):
        document["schedule"] = {"type": "cron", "value": _schedule(_object(job, "schedule"))}
        document["timezone"] = str(job.get("timeZone") or options.timezone)
    if not _is_true(job.get("multipleExecutions")):
        document["max_concurrent"] = 1
    elif most := job.get("maxMultipleExecutions"):
        if str(most).isdigit() and int(most):
            document["max_concurrent"] = int(most)
        else:
            notes.append(f"its limit of executions at once, '{most}', is left out: it is no number")
    if str(job.get("nodesSelectedByDefault")).lower() == "false" and job.get("nodefilters"):
        notes.append("runs on all agents that its filter means: nobody chooses among them for a run")
    if job.get("timeout"):
        document["timeout_secs"] = _secs(job["timeout"], "timeout", notes)
    document |= _retry(job.get("retry"), notes)
    for key in ("executionEnabled", "scheduleEnabled"):
        if str(job.get(key, "true")).lower() == "false":
            document["status"] = "paused"
    if document.get("status") and str(job.get("executionEnabled", "true")).lower() == "false":
        notes.append("is paused, as its executions are disabled; here it can still be run by hand")
    _tell_notifications(job.get("notification"), notes)
    notes += [
        f"{key} does not come along" for key, value in job.items() if key not in _KNOWN and _says(value)
    ]
    scripts = [command, *(value for name, value in env.items() if name.endswith("_SCRIPT"))]
    if unset := list(dict.fromkeys(name for script in scripts for name in unset_variables(script, env))):
        document["status"] = "paused"
        notes += paused_because([nobody_sets(unset)])
    found.add({key: value for key, value in document.items() if value is not None}, *notes)


def _schedule(schedule: Json) -> str:
    """As Quartz has it, from its parts or in one piece."""
    if schedule.get("crontab"):
        return to_cron(str(schedule["crontab"]))
    time = _object(schedule, "time")
    day = str(_object(schedule, "dayofmonth").get("day") or "*")
    weekday = str(_object(schedule, "weekday").get("day") or "*")
    parts = [time.get("seconds") or "0", time.get("minute") or "0", time.get("hour") or "0"]
    return to_cron(
        " ".join(map(str, [*parts, day, schedule.get("month") or "*", weekday, schedule.get("year") or "*"]))
    )


def _secs(text: Any, what: str, notes: list[str]) -> int | None:
    """`120`, `6h 30m`."""
    parts = _SPAN.findall(str(text))
    if "".join(f"{number}{unit}" for number, unit in parts) != re.sub(r"\s+", "", str(text)):
        notes.append(f"its {what} '{text}' is left out: it is no fixed time")
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in parts) or None


def _retry(retry: Any, notes: list[str]) -> Json:
    times = retry.get("retry") if isinstance(retry, dict) else retry
    if not times:
        return {}
    if not str(times).isdigit():
        notes.append(f"its retry '{times}' is left out: it is no number")
        return {}
    found: Json = {"retry_max": min(int(times), 100)}
    if isinstance(retry, dict) and retry.get("delay"):
        found["retry_delay_secs"] = _secs(retry["delay"], "delay between retries", notes) or 0
    return found


def _parameters(options: Any, notes: list[str]) -> list[Json]:
    if isinstance(options, dict):  # an older form
        options = [{"name": name, **_object(options, name)} for name in options]
    if not isinstance(options, list) or not all(isinstance(one, dict) and one.get("name") for one in options):
        raise ValueError("its options are no list of objects with names")
    return [_parameter(one, notes) for one in options]


def _parameter(option: Json, notes: list[str]) -> Json:
    name = str(option["name"])
    found: Json = {
        "name": param_name(name),
        "param_type": "text",
        "required": _is_true(option.get("required")),
    }
    if found["name"] != name:
        notes.append(f"its option {name} is the parameter {found['name']}")
    if option.get("description"):
        found["description"] = str(option["description"])[:1_000]
    values = option.get("values") or []
    if isinstance(values, str):
        values = values.split(str(option.get("valuesListDelimiter") or ","))
    values = [str(one) for one in values]
    default = option.get("value")
    if values and _is_true(option.get("enforced")) and not _is_true(option.get("multivalued")):
        found |= {"param_type": "select", "options": list(dict.fromkeys(values))}
        if not found["required"] and not default:
            found["options"] = ["", *found["options"]]
    if default not in (None, "") or not found["required"]:
        # An option that nobody gives is empty.
        found["default"] = str(default or "")
    if found.get("options") and "default" in found and found["default"] not in found["options"]:
        notes.append(f"the default of its option {name} is none of its values, and is left out")
        del found["default"]
    for key, what in (
        ("regex", "is not checked against"),
        ("valuesUrl", "no longer gets its values from"),
        ("type", "is a text, not of the type"),
        ("storagePath", "has no default from the key storage: use a variable instead of"),
    ):
        if option.get(key):
            notes.append(f"its option {name} {what} {option[key]}")
    if _is_true(option.get("secure")):
        notes.append(
            f"its option {name} is secure there; params are shown with each run here: use a secret variable"
        )
    if _is_true(option.get("multivalued")):
        notes.append(
            f"its option {name} takes one text, in which several values stand as Rundeck joined them"
        )
    return found


def _target(filters: Json, options: RundeckOptions, notes: list[str]) -> Json:
    if options.target is not None:
        return {"target": options.target}
    if not filters or not (wanted := _conditions(filters)):
        return {"target": options.server}
    if unknown := [key for key, value in filters.items() if key not in _FILTERS and value]:
        raise ValueError(f"its node filter says more than tags ({', '.join(unknown)}): give --target")
    parts: list[str] = []
    for is_not, key, value in wanted:
        if key == "name" and value in (".*", "*") and len(wanted) == 1 and not is_not:
            continue
        tags = [alternative.split("+") for alternative in value.split(",")]
        if key != "tags" or not all(_TAG.fullmatch(tag) for alternative in tags for tag in alternative):
            raise ValueError(f"its node filter says more than tags ({key}: {value}): give --target")
        either = " or ".join(" and ".join(alternative) for alternative in tags)
        parts.append(f"not ({either})" if is_not else f"({either})" if len(tags) > 1 else either)
    expression = " and ".join(parts)
    where: Json = {"tag" if _TAG.fullmatch(expression) else "expression": expression}
    target: Json = {"type": "tagged", **where, "mode": "all"} if parts else {"type": "all"}
    notes.append(f"runs on all agents with {expression}" if parts else "runs on all agents")
    dispatch = _object(filters, "dispatch")
    if any(is_not for is_not, _, _ in wanted) and str(dispatch.get("excludePrecedence")).lower() == "false":
        raise ValueError(
            "of its node filters those that include count before those that exclude: give --target"
        )
    notes += [
        f"{key} of its nodes does not come along"
        for key, value in dispatch.items()
        if key not in _DISPATCH and value and str(value).lower() != "false"
    ]
    threads = str(dispatch.get("threadcount") or "1")
    rollout: Json = {"batch": int(threads)} if threads.isdigit() and int(threads) else {}
    if not rollout:
        notes.append(f"begins on all of them at once: its thread count '{threads}' is no number")
    if not _is_true(dispatch.get("keepgoing")):
        rollout["stop_after_failures"] = 1
    return {"target": target, "rollout": rollout}


def _conditions(filters: Json) -> list[tuple[bool, str, str]]:
    """(whether it must not be so, key, value) of the filter in one text, or of the older form."""
    found: list[tuple[bool, str, str]] = []
    for exclude, key, value, bare in _FILTER.findall(str(filters.get("filter") or "")):
        found.append((False, "name", bare) if bare else (bool(exclude), key, value))
    left_out = _FILTER.findall(str(filters.get("filterExclude") or ""))
    if len(left_out) > 1 or any(exclude for exclude, _, _, _ in left_out):
        raise ValueError("its filter of excluded nodes says more than tags: give --target")
    found += [(True, "name" if bare else key, bare or value) for _, key, value, bare in left_out]
    for part, is_not in (("include", False), ("exclude", True)):
        found += [(is_not, key, str(value)) for key, value in _object(filters, part).items() if value]
    return found


def _tell_notifications(notification: Any, notes: list[str]) -> None:
    if not isinstance(notification, dict) or not notification:
        return
    texts = re.findall(r"[\w.+\-]+@[\w.\-]+|https?://[^\s'\"]+", str(notification))
    to = f" ({', '.join(dict.fromkeys(texts))})" if texts else ""
    notes.append(
        f"its notifications {', '.join(notification)}{to} do not come along: let a job react to its events"
    )


def _object(of: Json, key: str) -> Json:
    """What stands under a key, nothing if it is not there. Raises ValueError."""
    value = of.get(key) or {}
    if not isinstance(value, dict):
        raise ValueError(f"its {key} is no object")
    return value


def _says(value: Any) -> bool:
    """Whether there is anything in it: `plugins: {ExecutionLifecycle: {}}` stands in each export."""
    return any(map(_says, value.values())) if isinstance(value, dict) else bool(value)


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"

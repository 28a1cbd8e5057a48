"""Cronicle's events: shell scripts and HTTP requests with their timing, target and chains."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tocsin_cli.importing.both_days import in_both
from tocsin_cli.importing.converted import Converted, Json, name_from, paused_because
from tocsin_cli.importing.cronicle_files import Backup
from tocsin_cli.importing.references import as_text
from tocsin_cli.importing.script_files import LONGEST_SCRIPT_BYTES, interpreter_of, run_script
from tocsin_cli.importing.shell_words import nobody_sets, unset_variables

_NAME: Final = re.compile(r"[^\W_][\w .\-]{0,200}")
#: Missed instants are made up for after as long as a job may look back.
_RUN_ALL_SECS: Final = 31 * 86_400
#: What a category says for those of its events that do not say it themselves.
_OF_CATEGORIES: Final = (
    "max_children",
    "memory_limit",
    "cpu_limit",
    "notify_success",
    "notify_fail",
    "web_hook",
)
_FIELDS: Final = (("minutes", 60), ("hours", 24), ("days", 31), ("months", 12), ("weekdays", 7))


@dataclass(frozen=True, slots=True)
class CronicleOptions:
    """How to read events."""

    #: Where all jobs run; None: where their events say.
    target: Json | None
    timezone: str


@dataclass(slots=True)
class _Names:
    """What things are called."""

    #: Jobs by the ids of events, as they are in the end.
    jobs: dict[str, str] = field(default_factory=dict)
    categories: dict[str, str] = field(default_factory=dict)
    #: Categories whose events do not run.
    disabled: set[str] = field(default_factory=set)
    #: Server groups by id: the tag that its agents need, or None for every server.
    groups: dict[str, str | None] = field(default_factory=dict)
    used_tags: set[str] = field(default_factory=set)


def read_events(backup: Backup, where: str, options: CronicleOptions) -> Converted:
    """A document for each event that has a counterpart."""
    found, names = Converted(), _Names()
    for category in backup.categories:
        names.categories[str(category.get("id"))] = str(category.get("title") or "")
        if not category.get("enabled", 1):
            names.disabled.add(str(category.get("id")))
        if given := [key for key in _OF_CATEGORIES if category.get(key)]:
            what = f"category {category.get('title') or category.get('id')}"
            found.notes.append((what, f"what it says for its events does not come along: {', '.join(given)}"))
    for group in backup.server_groups:
        is_all = group.get("regexp") in (".+", ".*", ".")
        names.groups[str(group.get("id"))] = (
            None if is_all else name_from(str(group.get("title") or group.get("id")))
        )
    for event in sorted(backup.schedule, key=lambda one: str(one.get("id"))):
        title = str(event.get("title") or event.get("id"))
        try:
            document, notes = _job(event, title, names, options)
        except ValueError as error:
            found.skip(title, str(error))
            continue
        found.add(document, *notes)
        names.jobs[str(event.get("id"))] = found.documents[-1]["name"]
    _chain(backup.schedule, names, found)
    if names.used_tags:
        listed = ", ".join(sorted(names.used_tags))
        found.notes.append(
            (where, f"agents need the tags of the server groups that events ask for: {listed}")
        )
    return found


def _job(event: Json, title: str, names: _Names, options: CronicleOptions) -> tuple[Json, list[str]]:
    notes: list[str] = []
    params = event.get("params") or {}
    match event.get("plugin"):
        case "shellplug":
            parts = _script(params, notes)
        case "urlplug":
            parts = _request(params, notes)
        case plugin:
            raise ValueError(f"there is no counterpart of the plugin '{plugin}'")
    category = str(event.get("category"))
    document: Json = {
        "name": title if _NAME.fullmatch(title) else name_from(title),
        "description": str(event.get("notes") or "")[:10_000] or None,
        "group": re.sub(r"[^\w \-]+", "-", names.categories.get(str(event.get("category")), ""))[:50].strip(
            "- "
        )
        or None,
        "schedule": _schedule(event.get("timing"), notes),
        "timezone": str(event.get("timezone") or options.timezone),
        **parts,
        **_where(event, names, options, notes),
        **_gates(event),
    }
    if timeout := _whole(event.get("timeout")):
        document["timeout_secs"] = min(timeout, document.get("timeout_secs", timeout))
    if retries := _whole(event.get("retries")):
        document |= {"retry_max": min(retries, 100), "retry_delay_secs": _whole(event.get("retry_delay"))}
    if event.get("catch_up"):
        document |= {"catchup": "all", "catchup_window_secs": _RUN_ALL_SECS}
    if not event.get("enabled") or category in names.disabled:
        document["status"] = "paused"
    if (memory := _whole(event.get("memory_limit"))) and document["task"]["type"] == "shell":
        document["limits"] = {"memory_max_bytes": max(memory, 1024 * 1024)}
        if event.get("memory_sustain"):
            notes.append("may not use more memory than its limit for any time, not only for a while")
    if unset := unset_variables(document["task"].get("env", {}).get("SCRIPT", ""), ("SCRIPT",)):
        document["status"] = "paused"
        notes += paused_because([nobody_sets(unset)])
    _tell_rest(event, notes)
    return {key: value for key, value in document.items() if value is not None}, notes


def _script(params: Mapping[str, Any], notes: list[str]) -> Json:
    script = str(params.get("script") or "").replace("\r\n", "\n")
    if not script.strip():
        raise ValueError("its script is empty")
    if len(script.encode()) > LONGEST_SCRIPT_BYTES:
        raise ValueError(f"its script is longer than {LONGEST_SCRIPT_BYTES} bytes: bring it to the hosts")
    if params.get("json"):
        notes.append(
            "what it prints as JSON is output like the rest: it sets no progress, chain data or result here"
        )
    command = run_script("SCRIPT", f'{interpreter_of(script)} "$script"')
    return {"task": as_text({"type": "shell", "command": command, "env": {"SCRIPT": script}})}


def _request(params: Mapping[str, Any], notes: list[str]) -> Json:
    url = str(params.get("url") or "").strip()
    task: Json = {"type": "http", "method": str(params.get("method") or "GET").lower(), "url": url}
    if headers := _headers(str(params.get("headers") or "")):
        task["headers"] = headers
    if task["method"] == "post" and params.get("data"):
        task["body"] = str(params["data"])
    parts: Json = {"task": as_text(task)}
    if re.search(r"\[[\w/.]+\]", url + str(task.get("headers", "")) + str(task.get("body", ""))):
        notes.append("[...] in its request is no placeholder here")
    if secs := _whole(params.get("timeout")):
        parts["timeout_secs"] = secs
    if params.get("success_match"):
        parts["output_rules"] = {"assertions": [{"pattern": str(params["success_match"])}]}
    if params.get("error_match"):
        notes.append(
            f"does not fail because an answer has {params['error_match']}: an assertion says what it must have"
        )
    if not params.get("follow"):
        notes.append("follows redirects; there a redirect was a success")
    if params.get("ssl_cert_bypass"):
        notes.append("checks the server's certificate: a connection of type http can leave that out")
    return parts


def _headers(text: str) -> dict[str, str]:
    """One of each line; Cronicle sends none that has no value."""
    lines = (line.partition(":") for line in text.replace("\r", "\n").split("\n"))
    return {name.strip(): value.strip() for name, _, value in lines if name.strip() and value.strip()}


def _schedule(timing: Any, notes: list[str]) -> Json:
    """Lists of values; all of them have to fit, days of the month and of the week too."""
    if not isinstance(timing, dict):
        return {"type": "on_demand"}
    minutes, hours, days, months, weekdays = (_values(timing.get(key), most) for key, most in _FIELDS)
    try:
        if timing.get("years"):
            raise ValueError(f"the years {timing['years']} can't be said in cron")
        days, weekdays = in_both(days, weekdays)
    except ValueError as error:
        notes.append(f"runs on demand only: {error}")
        return {"type": "on_demand"}
    return {"type": "cron", "value": f"0 {minutes} {hours} {days} {months} {weekdays}"}


def _values(values: Any, most: int) -> str:
    numbers = sorted({int(one) for one in values or []})
    return "*" if not numbers or len(numbers) == most else ",".join(map(str, numbers))


def _where(event: Json, names: _Names, options: CronicleOptions, notes: list[str]) -> Json:
    if options.target is not None:
        return {"target": options.target}
    wanted = str(event.get("target") or "")
    if wanted not in names.groups:
        if not wanted:
            raise ValueError("it has no target")
        return {"target": {"type": "agent", "agent": wanted}}
    tag = names.groups[wanted]
    is_everywhere = bool(event.get("multiplex"))
    if is_everywhere and _whole(event.get("stagger")):
        notes.append(
            f"starts on all hosts at once, not {event['stagger']} seconds apart: a rollout takes them in batches"
        )
    if not is_everywhere and event.get("algo") not in (None, "", "random"):
        notes.append(f"runs on any of its hosts that is free, not on the one that {event['algo']} chose")
    if tag is None:
        return {"target": {"type": "all" if is_everywhere else "any"}}
    names.used_tags.add(tag)
    return {"target": {"type": "tagged", "tag": tag} | ({"mode": "all"} if is_everywhere else {})}


def _gates(event: Json) -> Json:
    """How many jobs of the event may run at once, and what becomes of more."""
    most = _whole(event.get("max_children"))
    if not most:
        return {}
    gates: Json = {"max_concurrent": most}
    if event.get("queue"):
        gates["overlap"] = "queue"
        if waiting := _whole(event.get("queue_max")):
            gates["max_queued"] = min(waiting, 10_000)
    return gates


def _chain(events: list[Json], names: _Names, found: Converted) -> None:
    """What an event starts when it ends waits for it: when nothing else starts that one."""
    starters: dict[str, list[tuple[str, str]]] = {}
    for event in events:
        for key, condition in (("chain", "success"), ("chain_error", "failure")):
            if event.get(key):
                starters.setdefault(str(event[key]), []).append((str(event.get("id")), condition))
    documents = {one["name"]: one for one in found.documents}
    for started, by in starters.items():
        for starter, condition in by:
            name, before = names.jobs.get(started), names.jobs.get(starter)
            if before is None:
                continue  # it was told that it is not imported
            what = f"starts no other job after its {condition}"
            if name is None:
                found.notes.append((before, f"{what}: that one is not imported"))
            elif len(by) > 1:
                found.notes.append((before, f"{what}: {name} has more than one that starts it"))
            elif documents[name]["schedule"]["type"] != "on_demand":
                found.notes.append(
                    (before, f"{what}: {name} has a schedule of its own, which would wait for it")
                )
            else:
                documents[name]["depends_on"] = [{"job": before, "condition": condition}]


def _tell_rest(event: Json, notes: list[str]) -> None:
    mails = [str(event[key]) for key in ("notify_success", "notify_fail") if event.get(key)]
    if mails:
        notes.append(f"no mail goes to {', '.join(mails)}: let a job react to its events")
    if event.get("web_hook"):
        notes.append(f"nothing calls {event['web_hook']} at its start and end: let a job react to its events")
    if event.get("cpu_limit"):
        notes.append(
            "its limit of processor time, which aborted it, does not come along: `limits` can slow it down"
        )
    if event.get("log_max_size"):
        notes.append("its limit of output does not come along")


def _whole(value: Any) -> int:
    try:
        return max(0, int(value or 0))
    except (TypeError, ValueError):
        return 0

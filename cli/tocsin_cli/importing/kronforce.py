"""Kronforce's export (its version 2) as a document for `POST /api/data/import`, which has the same shape.

What means something else there is rewritten so that jobs do what they did; what has no counterpart is told.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tocsin_cli.importing.converted import CannotConvert, Json
from tocsin_cli.importing.references import as_text
from tocsin_shared.jobs import READ_ONLY_KEYS, JobCreate
from tocsin_shared.masks import MASK

_SAME_SETTINGS: Final = frozenset(
    {"retention_days", "audit_retention_days", "ai_provider", "ai_model", "ai_base_url", "ai_api_version"}
)
_PIPELINE: Final = "pipeline_schedule_"
_OF_ITS_OWN: Final = "system"
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: Kinds of events that Kronforce's event jobs never got, although its documents say so.
_DEAF: Final = ("agent.", "key.", "sla.", "notification.")
_SHARED: Final = ("groups", "agents")
_KNOWN: Final = (
    "export_version", "exported_at", "jobs", "variables", "connections", "templates", "settings", "api_keys",
    *_SHARED,
)  # fmt: skip


@dataclass(slots=True)
class KronforceExport:
    """A document to import, and what people should know about it."""

    document: Json = field(default_factory=dict)
    #: (what it is about, what differs), in the order of the export.
    notes: list[tuple[str, str]] = field(default_factory=list)


def read_export(export: Any, where: str) -> KronforceExport:
    """Raises CannotConvert."""
    if not isinstance(export, dict) or not isinstance(export.get("jobs"), list):
        raise CannotConvert(f"{where}: no export of Kronforce: there are no jobs in it")
    found = KronforceExport({"export_version": 2} | {key: export[key] for key in _SHARED if export.get(key)})
    notes = found.notes
    names = {str(job.get("id")): str(job.get("name")) for job in _objects(export, "jobs")}
    found.document["jobs"] = [_job(job, names, _telling(notes, job)) for job in _objects(export, "jobs")]
    found.document["variables"] = [one for one in _objects(export, "variables") if _is_readable(one, notes)]
    found.document["connections"] = [
        kept for one in _objects(export, "connections") if (kept := _connection(one, notes)) is not None
    ]
    found.document["templates"] = [
        _template(one, notes) for one in _objects(export, "templates") if one.get("created_by") != _OF_ITS_OWN
    ]
    found.document["settings"] = _settings(export.get("settings") or {}, notes)
    if keys := _objects(export, "api_keys"):
        named = ", ".join(str(key.get("name")) for key in keys)
        notes.append(
            ("keys", f"not imported: nobody can read keys out of an export; make new ones ({named})")
        )
    notes += [(key, "not imported: not known here") for key in export if key not in _KNOWN]
    return found


Tell = Callable[[str], None]


def _telling(notes: list[tuple[str, str]], one: Json) -> Tell:
    return lambda note: notes.append((str(one.get("name")), note))


def _objects(export: Json, key: str) -> list[Json]:
    return [one for one in export.get(key) or [] if isinstance(one, dict)]


def _job(job: Json, names: dict[str, str], tell: Tell) -> Json:
    """The job as it is taken here. What is wrong with it besides, the API says."""
    document = _definition(job, tell)
    document["managed_by"] = "import-kronforce"
    if job.get("webhook_token") or job.get("webhook_url"):
        tell("its webhook does not come along: make a new one and give its URL to who calls it")
    depends_on: list[Json] = []
    for one in job.get("depends_on") or []:
        if str(one.get("job_id")) in names:
            depends_on.append({key: value for key, value in one.items() if value is not None})
        else:
            tell(f"waits no more for the job {one.get('job_id')}, which is not in the export")
    document["depends_on"] = depends_on
    return {"id": job.get("id"), **document}


def _definition(job: Json, tell: Tell) -> Json:
    """A whole job, or as much of one as a template holds."""
    document = {
        key: value for key, value in job.items() if key in JobCreate.model_fields and value is not None
    }
    unknown = [key for key in job if key not in JobCreate.model_fields and key not in READ_ONLY_KEYS]
    for key in unknown:
        if job[key] not in (None, [], {}, ""):
            tell(f"{key} does not come along: it is not known here")
    if document.pop("timezone", None) not in (None, "UTC"):
        tell(f"stays on UTC, as it ran: Kronforce kept the time zone {job['timezone']}, but never used it")
    if isinstance(document.get("schedule"), dict):
        document["schedule"] = _schedule(document["schedule"], tell)
    if isinstance(document.get("task"), dict):
        document["task"] = _task(document["task"], tell)
        if "run_as" in document and document["task"].get("type") != "shell":
            tell(f"run_as {document.pop('run_as')} is left out: it is for shell tasks, and had no effect")
    for name, low, high in (("priority", -1_000, 1_000), ("retry_max", 0, 100), ("retry_backoff", 1, 100)):
        value = document.get(name)
        if isinstance(value, int | float) and not low <= value <= high:
            document[name] = min(max(value, low), high)
            tell(f"{name} is {document[name]} instead of {value}")
    _tell_notifications(document.get("notifications"), tell)
    if document.get("approval_required"):
        tell("every run waits for approval, not only those that somebody starts by hand")
    for parameter in document.get("parameters") or []:
        if parameter.get("options") == []:
            del parameter["options"]
    return document


def _tell_notifications(wanted: Any, tell: Tell) -> None:
    if isinstance(wanted, dict) and wanted.get("on_assertion_failure") and not wanted.get("on_failure"):
        tell(
            "is told of failed assertions alone (on_assertion_failure), as documented; it was of every failure"
        )


def _schedule(schedule: Json, tell: Tell) -> Json:
    value = schedule.get("value")
    if schedule.get("type") == "interval" and isinstance(value, dict):
        if value.get("interval_secs") == 0:
            tell("runs a second after its last run has ended, not at once: its interval was 0")
        secs = value.get("interval_secs")
        return {"type": "interval", "value": {"interval_secs": secs or 1, "counted_from": "finish"}}
    if schedule.get("type") == "calendar" and isinstance(value, dict):
        return {"type": "calendar", "value": _calendar(value, tell)}
    if schedule.get("type") == "event" and isinstance(value, dict):
        pattern = str(value.get("kind_pattern"))
        if pattern == "*" or pattern.startswith(_DEAF):
            tell(
                f"runs on all events that {pattern} means; those of agents, keys and SLAs never reached it before"
            )
        if value.get("job_name_filter") == "":
            return {**schedule, "value": {key: v for key, v in value.items() if key != "job_name_filter"}}
    return schedule


def _calendar(value: Json, tell: Tell) -> Json:
    rule = {key: one for key, one in value.items() if one is not None}
    if rule.get("anchor") != "nth_weekday":
        rule.pop("nth", None)
        rule.pop("weekday", None)
    elif str(rule.get("weekday")).strip().lower() not in _WEEKDAYS:
        tell(f"the weekday is Monday, as Kronforce took '{rule.get('weekday')}'")
        rule["weekday"] = "monday"
    if rule.get("offset_days"):
        tell("its offset may lead into another month; there it did not run then")
    return rule


def _task(task: Json, tell: Tell) -> Json:
    kept = {key: value for key, value in task.items() if value is not None}
    match task.get("type"):
        case "script":
            tell(
                f"its script '{task.get('script_name')}' is not in the export, and Rhai does not run here: write it in "
                "Starlark, store it under the same name, and import again"
            )
        case "docker_build":
            tell(
                f"its Dockerfile '{task.get('script_name')}' is not in the export: store it under the same name first"
            )
        case "http":
            status = kept.get("expect_status")
            if isinstance(status, int) and not 200 <= status < 300:
                tell(f"succeeds with status {status}; there it failed with any that is not 2xx")
        case "sql":
            tell("its rows are printed as JSON, not as the database's own client prints them")
        case _:
            pass
    return kept


def _is_readable(variable: Json, notes: list[tuple[str, str]]) -> bool:
    is_masked = variable.get("value") == MASK
    if is_masked:
        where = f"variable {variable.get('name')}"
        notes.append((where, "not imported: the export masks its value; export with secrets, or set it here"))
    return not is_masked


def _connection(connection: Json, notes: list[tuple[str, str]]) -> Json | None:
    where = f"connection {connection.get('name')}"
    config = {
        key: value for key, value in (connection.get("config") or {}).items() if value not in (None, "")
    }
    if masked := [key for key, value in config.items() if value == MASK]:
        notes.append((where, f"not imported: the export masks {', '.join(masked)}; export with secrets"))
        return None
    port = config.get("port")
    if isinstance(port, str) and re.fullmatch(r"[0-9]{1,5}", port):
        config["port"] = int(port)
    if texts := {key: text for key, value in config.items() if (text := as_text(value)) != value}:
        notes.append((where, f"{{{{...}}}} in {', '.join(texts)} is text there, and stays text here"))
    return {**connection, "config": config | texts}


def _template(template: Json, notes: list[tuple[str, str]]) -> Json:
    snapshot = template.get("snapshot")
    if not isinstance(snapshot, dict):
        return template

    def tell(note: str) -> None:
        notes.append((f"template {template.get('name')}", note))

    return {**template, "snapshot": _definition(snapshot, tell)}


def _settings(settings: Json, notes: list[tuple[str, str]]) -> dict[str, str]:
    """Those that mean the same. Names only are told: values can be secrets."""
    kept: dict[str, str] = {}
    for key, value in settings.items():
        if key in _SAME_SETTINGS or key.startswith(_PIPELINE):
            kept[key] = str(value)
        elif key == "ai_api_key":
            notes.append((f"setting {key}", "not imported: a secret; set it again"))
        elif key != "custom_groups":  # `groups` has them too
            notes.append((f"setting {key}", "not imported: not known here"))
    return kept

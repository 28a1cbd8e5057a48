"""Rundeck's job definitions as they are exported, in YAML, JSON or XML: the same objects come of all of them."""

import re
from typing import Any, Final
from xml.etree import ElementTree as Xml

import yaml

from tocsin_cli.importing.converted import CannotConvert, Json

_PLAIN: Final = (
    "name", "description", "group", "multipleExecutions", "maxMultipleExecutions", "timeout", "scheduleEnabled",
    "executionEnabled", "timeZone", "loglimit", "nodesSelectedByDefault",
)  # fmt: skip
#: Parts that have a form of their own.
_FORMED: Final = frozenset(
    {"retry", "schedule", "sequence", "context", "nodefilters", "dispatch", "notification", "logging"}
)
_STEP: Final = {"scriptargs": "args", "scriptinterpreter": "scriptInterpreter"}


def read_definitions(text: str, where: str) -> list[Json]:
    """The jobs of a file. Raises CannotConvert."""
    jobs: list[Any] = _of_xml(text, where) if text.lstrip().startswith("<") else _of_yaml(text, where)
    if not jobs or not all(isinstance(job, dict) and job.get("name") for job in jobs):
        raise CannotConvert(f"{where}: no job definitions of Rundeck: a list of jobs with names is needed")
    return jobs


def parse_xml(text: str, where: str) -> Xml.Element:
    """The root. Nothing is taken that could make it more than it is: no document type, no entities."""
    if re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise CannotConvert(f"{where}: XML with a document type or entities is not read")
    # The declaration may say 1.1 (Jenkins), which expat refuses although it makes no difference here.
    plain = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    try:
        return Xml.fromstring(plain)  # noqa: S314 - entities were refused above
    except Xml.ParseError as error:
        raise CannotConvert(f"{where}: {error}") from None


def _of_yaml(text: str, where: str) -> list[Any]:
    try:
        found: Any = yaml.load(text, Loader=_Texts)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise CannotConvert(f"{where}: {' '.join(str(error).split())}") from None
    return found if isinstance(found, list) else [found]


class _Texts(yaml.SafeLoader):
    """Everything but nothing (`null`) stays text, as it was written: `05`, `10:30` and `on` mean themselves."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {
        first: [one for one in resolvers if one[0] == "tag:yaml.org,2002:null"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _of_xml(text: str, where: str) -> list[Any]:
    root = parse_xml(text, where)
    return [_job(job) for job in (root.iter("job") if root.tag == "joblist" else ())]


def _job(job: Xml.Element) -> Json:
    found: Json = {key: _text(job, key) for key in _PLAIN if job.find(key) is not None}
    if (retry := job.find("retry")) is not None:
        found["retry"] = {"retry": (retry.text or "").strip(), "delay": retry.get("delay")}
    if (schedule := job.find("schedule")) is not None:
        found["schedule"] = dict(schedule.attrib) | {part.tag: dict(part.attrib) for part in schedule}
        month = found["schedule"].get("month", {})
        if month:
            found["schedule"]["month"] = month.get("month", "*")
        if "day" in month:
            found["schedule"]["dayofmonth"] = {"day": month["day"]}
        if "year" in found["schedule"]:
            found["schedule"]["year"] = found["schedule"]["year"].get("year", "*")
    if (logging := job.find("logging")) is not None:
        found["loglimit"] = logging.get("limit")
    if (sequence := job.find("sequence")) is not None:
        found["sequence"] = dict(sequence.attrib) | {
            "commands": [_step(one) for one in sequence.findall("command")]
        }
    found["options"] = [_option(one) for one in job.iterfind("./context/options/option")]
    if (filters := job.find("nodefilters")) is not None:
        found["nodefilters"] = {
            part.tag: {one.tag: one.text or "" for one in part} if len(part) else (part.text or "").strip()
            for part in filters
        }
        if (dispatch := job.find("dispatch")) is not None:
            found["nodefilters"]["dispatch"] = {one.tag: one.text or "" for one in dispatch}
    if (notification := job.find("notification")) is not None:
        found["notification"] = {
            when.tag: {part.tag: dict(part.attrib) for part in when} for when in notification
        }
    others = (part for part in job if part.tag not in found and part.tag not in _FORMED)
    return found | {part.tag: (part.text or "").strip() or bool(len(part) or part.attrib) for part in others}


def _step(command: Xml.Element) -> Json:
    step: Json = {}
    for part in command:
        if part.tag == "jobref":
            step["jobref"] = dict(part.attrib)
        elif part.tag == "errorhandler":
            step["errorhandler"] = _step(part)
        elif part.tag in ("node-step-plugin", "step-plugin"):
            step["type"] = part.get("type")
        else:
            step[_STEP.get(part.tag, part.tag)] = part.text or ""
    return step


def _option(option: Xml.Element) -> Json:
    found: Json = dict(option.attrib) | {part.tag: part.text or "" for part in option}
    if found.get("values"):
        found["values"] = found["values"].split(found.get("valuesListDelimiter") or ",")
    found["enforced"] = found.pop("enforcedvalues", None)
    return found


def _text(job: Xml.Element, key: str) -> str:
    return (job.findtext(key) or "").strip()

"""What a language model is told of jobs, out of the schemas that jobs are checked with. Pure."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter

from tocsin_shared.errors import FieldError
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.tasks import Task
from tocsin_shared.wire import dumps

#: Not for somebody who describes one job: whose it is, and what other products' APIs keep.
_NOT_TOLD: Final = frozenset({"managed_by", "compat"})

#: Each form of schedule once.
SCHEDULES: Final[tuple[tuple[dict[str, Any], str], ...]] = (
    (
        {"type": "cron", "value": "0 30 8 * * 1-5"},
        "second minute hour day month weekday; here at 8:30 from Monday to Friday",
    ),
    ({"type": "interval", "value": {"interval_secs": 300}}, "every five minutes"),
    (
        {
            "type": "calendar",
            "value": {"anchor": "last_day", "hour": 18, "skip_weekends": True, "roll": "previous"},
        },
        "a day of each month: last_day, day_15, first_monday, last_friday; here the last working day at 18:00",
    ),
    ({"type": "event", "value": {"kind_pattern": "execution.failed"}}, "whenever such an event happens"),
    ({"type": "one_shot", "value": "2030-01-31T08:00:00Z"}, "once"),
    ({"type": "on_demand"}, "only when somebody triggers it"),
)

TARGETS: Final[tuple[tuple[dict[str, Any], str], ...]] = (
    ({"type": "local"}, "on the scheduler itself; the same without target"),
    ({"type": "any"}, "on any agent"),
    ({"type": "tagged", "tag": "db"}, 'on an agent with this tag; with "mode": "all" on each of them'),
    ({"type": "all"}, "on every agent"),
)


_RULES: Final = """\
You write jobs for the job scheduler Tocsin. The user describes one. Answer with one JSON object, the job, and nothing
else. Unknown keys are refused; leave out what was not asked for. Ids of jobs and agents are not known to you. Never
write passwords or tokens: {{NAME}} in a task stands for the variable NAME. Keys marked with * must be there."""
_HINTS: Final = """\
What ends in _secs is a number of seconds. `name` is letters, digits, space, - _ and . alone. `timezone` is an IANA
name, without it UTC. `task` is one of these types, with their keys:"""


def instructions(now: datetime) -> str:
    """The system prompt."""
    return f"{_facts()}\nThe time is {now:%Y-%m-%dT%H:%M:%SZ}, a {now:%A}."


def correction(wrong: Iterable[FieldError]) -> str:
    """What is said to an answer that is no job."""
    lines = "\n".join(f"- {one.field}: {one.reason}" if one.field else f"- {one.reason}" for one in wrong)
    return f"That is refused:\n{lines}\nAnswer with the whole corrected JSON object and nothing else."


@cache
def _facts() -> str:
    fields = _fields(TypeAdapter(JobDefinition).json_schema(), _NOT_TOLD)
    parts = [
        _RULES,
        f"Keys of a job: {fields}.",
        _HINTS,
        *_tasks(),
        "`schedule` is one of:",
        *_examples(SCHEDULES),
        "`target` is one of:",
        *_examples(TARGETS),
    ]
    return "\n".join(parts)


def _tasks() -> list[str]:
    schema = TypeAdapter(Task).json_schema()
    shapes = [schema["$defs"][one["$ref"].rpartition("/")[2]] for one in schema["oneOf"]]
    return [f"- {one['properties']['type']['const']}: {_fields(one, frozenset({'type'}))}" for one in shapes]


def _fields(schema: dict[str, Any], but: frozenset[str]) -> str:
    required, shapes = schema.get("required", []), schema.get("$defs", {})
    told = []
    for name, shape in schema["properties"].items():
        choices = shapes.get(shape.get("$ref", "").rpartition("/")[2], shape).get("enum", [])
        words = f" ({'|'.join(map(str, choices))})" if choices else ""
        if name not in but:
            told.append(f"{name}{'*' if name in required else ''}{words}")
    return ", ".join(told)


def _examples(known: Iterable[tuple[dict[str, Any], str]]) -> list[str]:
    return [f"- {dumps(example).decode()}: {meaning}" for example, meaning in known]

"""Which text of a task is filled how."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tocsin_controller.substitution.connection_strings import fill_connection_string
from tocsin_controller.substitution.inspecting import Misplaced, inspect_fields
from tocsin_controller.substitution.references import ANY_VALUE, PARAMS, ValueOf, fill
from tocsin_controller.substitution.shell import fill_shell
from tocsin_controller.substitution.sql import fill_sql
from tocsin_controller.substitution.text import fill_body, fill_header, fill_plain, fill_url

#: What says which kind of task it is and as whom it runs is decided when the job is saved.
_UNTOUCHED: Final = frozenset({"type", "method", "run_as", "agent_task_type", "driver"})
#: Fills one field, given the whole task.
_Rule = Callable[[str, ValueOf, Mapping[str, Any]], str]


def _body(text: str, value_of: ValueOf, task: Mapping[str, Any]) -> str:
    return fill_body(text, value_of, task.get("headers") or {})


#: Fields in which text is not simply data, by task type. All others are filled as they are.
_RULES: Final[dict[str, dict[str, _Rule]]] = {
    "shell": {"command": lambda text, value_of, _: fill_shell(text, value_of)},
    # A POSIX shell reads that command, too, whatever the login shell over there is.
    "ssh": {"command": lambda text, value_of, _: fill_shell(text, value_of)},
    "http": {
        "url": lambda text, value_of, _: fill_url(text, value_of),
        "headers": lambda text, value_of, _: fill_header(text, value_of),
        "body": _body,
    },
    "sql": {
        "query": lambda text, value_of, task: fill_sql(text, value_of, task["driver"]),
        "connection_string": lambda text, value_of, task: fill_connection_string(
            text, value_of, task["driver"]
        ),
    },
}


@dataclass(frozen=True, slots=True)
class Uses:
    """The names that a task refers to."""

    variables: frozenset[str]
    params: frozenset[str]


def fill_task(task: Mapping[str, Any], value_of: ValueOf) -> dict[str, Any]:
    """The task, as JSON, with every reference replaced. Raises CannotPlace."""
    return {name: _filled(name, value, value_of, task) for name, value in task.items()}


def inspect(task: Mapping[str, Any]) -> tuple[Uses | None, list[Misplaced]]:
    """The names that a task uses, None when nothing in it is filled in, and what is wrong with where they stand."""
    names, misplaced = inspect_fields(
        task, lambda field, value, value_of: _filled(field, value, value_of, task), of="task"
    )
    if not names and not misplaced and not _shows_references(task):
        return None, []
    params = frozenset(name.removeprefix(PARAMS) for name in names if name.startswith(PARAMS))
    return Uses(frozenset(name for name in names if not name.startswith(PARAMS)), params), misplaced


def _shows_references(task: Mapping[str, Any]) -> bool:
    """Whether it holds references that are text, and lose their extra braces."""
    return bool(_deep(dict(task), lambda text: fill(text, lambda _: ANY_VALUE)) != task)


def _filled(field: str, value: Any, value_of: ValueOf, task: Mapping[str, Any]) -> Any:
    if field in _UNTOUCHED:
        return value
    rule = _RULES.get(task["type"], {}).get(field)
    return _deep(value, lambda text: rule(text, value_of, task) if rule else fill_plain(text, value_of))


def _deep(value: Any, filled: Callable[[str], str]) -> Any:
    """Texts anywhere in a value of JSON; names of keys stay."""
    match value:
        case str():
            return filled(value) if "{{" in value else value
        case dict():
            return {key: _deep(one, filled) for key, one in value.items()}
        case list():
            return [_deep(one, filled) for one in value]
        case _:
            return value

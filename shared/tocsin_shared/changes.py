"""What differs between two documents, field by field."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ConfigDict

from tocsin_shared.wire import Model

#: More differences than this between two documents are told as fewer, wider ones.
MOST_CHANGES = 1_000


class FieldChange(Model):
    """One field that differs."""

    model_config = ConfigDict(extra="forbid")

    #: `task.command`, `depends_on.0.job_id`; a key that holds a dot stands in quotes.
    path: str
    #: Null where the field was not there.
    before: Any
    #: Null where the field is not there any more.
    after: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    """Every difference, in the order of the paths; none when both are the same.

    Objects are compared key by key and lists item by item, but things of another `type` as a whole. A key of the
    document itself that is null is as good as absent.

    >>> [c.path for c in differences({"task": {"type": "noop", "exit_code": 0}}, {"task": {"type": "noop"}, "a": 1})]
    ['a', 'task.exit_code']
    """
    found = list(_differences("", before, after))
    if len(found) > MOST_CHANGES:
        found = [
            FieldChange(path=_quoted(key), before=before.get(key), after=after.get(key))
            for key in sorted(before.keys() | after.keys())
            if not same(before.get(key), after.get(key))
        ]
    return found


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same kind: 1 is not true, but 1.0 is 1."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _differences(path: str, before: Any, after: Any) -> Iterator[FieldChange]:
    if same(before, after):
        return
    if (
        isinstance(before, Mapping)
        and isinstance(after, Mapping)
        and (not path or _go_together(before, after))
    ):
        for key in sorted(before.keys() | after.keys()):
            yield from _differences(_join(path, _quoted(key)), before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list) and None not in (*before, *after):
        for index in range(max(len(before), len(after))):
            one = before[index] if index < len(before) else None
            other = after[index] if index < len(after) else None
            yield from _differences(_join(path, str(index)), one, other)
    else:
        yield FieldChange(path=path, before=before, after=after)


def _go_together(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether comparing key by key says it all: a key that is absent on one side and null on the other would not."""
    if before.get("type") != after.get("type"):
        return False
    only_one_has = before.keys() ^ after.keys()
    return all(before.get(key, after.get(key)) is not None for key in only_one_has)


def _join(path: str, part: str) -> str:
    return f"{path}.{part}" if path else part


def _quoted(key: str) -> str:
    return f'"{key}"' if "." in key or not key else key

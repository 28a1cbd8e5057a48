"""What somebody changed in a job's document, as the update the API wants."""

from collections.abc import Mapping
from typing import Any

from tocsin_shared.jobs import READ_ONLY_KEYS, JobDefinition, JobUpdate


class NotRemovable(ValueError):
    """A key was removed that every job must have."""


def editable(job: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a job that people decide."""
    return {key: value for key, value in job.items() if key not in READ_ONLY_KEYS}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Only the keys that differ; a removed key goes back to its default. Raises NotRemovable.

    >>> changes({"name": "a", "priority": 5, "timeout_secs": 60}, {"name": "b"})
    {'name': 'b', 'priority': 0, 'timeout_secs': None}
    """
    changed = {
        key: value for key, value in after.items() if key not in before or not _same(before[key], value)
    }
    for key in before.keys() - after.keys():
        if not _same(before[key], default := _default(key)):
            changed[key] = default
    return dict(sorted(changed.items()))


def _default(key: str) -> Any:
    if key in JobUpdate.clearable:
        return None
    field = JobDefinition.model_fields.get(key)
    if key == "status" or field is None or field.is_required():
        raise NotRemovable(f"{key}: can be changed, but not removed")
    return field.get_default()


def _same(one: Any, other: Any) -> bool:
    """Equal, and of the same kind: 1 is not true."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)

"""Which jobs a list shows, and in which order. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from multidict import MultiMapping

from tocsin_shared.dkron.instants import parse_instant

#: What a list can be sorted by.
SORTED_BY: Final = frozenset(
    {
        "id", "name", "displayname", "schedule", "success_count", "error_count", "last_success", "last_error", "next",
    }
)  # fmt: skip
#: What a list can be sorted by that is known of a job at a glance.
_SEEN: Final = frozenset({"id", "name", "displayname", "next"})

_INSTANTS: Final = frozenset({"last_success", "last_error", "next"})


def needs_all(query: MultiMapping[str]) -> bool:
    """Whether jobs must be known better than at a glance to say which are listed, and in which order."""
    return "status" in query or query.get("_sort") in SORTED_BY - _SEEN


def fits(job: Mapping[str, Any], query: MultiMapping[str]) -> bool:
    """Whether the filters let it through; all of them have to."""
    text = query.get("q", "")
    if text and text not in job["name"] and text not in job["displayname"]:
        return False
    for key, value in query.items():
        is_metadata = key.startswith("metadata[") and key.endswith("]")
        if is_metadata and (job["metadata"] or {}).get(key[len("metadata[") : -1]) != value:
            return False
    status = query.get("status", "")
    if status and job["status"] != ("" if status == "untriggered" else status):
        return False
    disabled = query.get("disabled", "")
    return not disabled or disabled == ("true" if job["disabled"] else "false")


def in_order(jobs: list[dict[str, Any]], query: MultiMapping[str]) -> list[dict[str, Any]]:
    """Sorted; by what can't be sorted by, by name."""
    field = query.get("_sort", "")
    field = field if field in SORTED_BY else "name"
    by_name = sorted(jobs, key=lambda job: str(job["name"]))
    return sorted(
        by_name,
        key=lambda job: _rank(field, job[field]),
        reverse=query.get("_order") == "DESC",
    )


def _rank(field: str, value: Any) -> tuple[bool, Any]:
    """What is not known comes first. Instants as text have no order: zeros at their end are left out."""
    if value is None:
        return False, 0
    return True, parse_instant(value).timestamp() if field in _INSTANTS else value


def part_of(jobs: list[dict[str, Any]], query: MultiMapping[str]) -> list[dict[str, Any]]:
    """From `_start` up to, but without, `_end`; beyond the list there is nothing."""
    start, end = _number(query.get("_start")), _number(query.get("_end"))
    return jobs[start : end if "_end" in query else None]


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0

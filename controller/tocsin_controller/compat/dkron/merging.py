"""What becomes of a stored job's work when a client of Dkron sends it back changed. Pure.

Clients see only a part of it, and say nothing of the rest: what they were shown and what they send are read alike, and
only what differs between the two is changed.
"""

from collections.abc import Mapping
from typing import Any

from tocsin_controller.compat.dkron.executors import read_work
from tocsin_shared.dkron.executors import Parts
from tocsin_shared.dkron.processors import read_processors


def merged_work(stored: Mapping[str, Any], shown: Mapping[str, Any], sent: Mapping[str, Any]) -> Parts:
    """`task`, `timeout_secs`, `limits` and `output_rules` of the definition."""
    before, after = _read(shown, stored["task"]), _read(sent, stored["task"])
    parts = {part: after[part] for part in ("task", "limits")}
    if stored["task"]["type"] == before["task"]["type"] == after["task"]["type"] != "noop":
        parts["task"] = _changed(stored["task"], before["task"], after["task"])
        limits = (one["limits"] or {} for one in (stored, before, after))
        parts["limits"] = _changed(*limits) or None
    # Said in so many words, the time that holds when nothing is said is a change too.
    is_timeout_moved = before["timeout_secs"] != after["timeout_secs"] or _timeout(shown) != _timeout(sent)
    parts["timeout_secs"] = (after if is_timeout_moved else stored)["timeout_secs"]
    parts["output_rules"] = _merged_rules(stored["output_rules"], before, after)
    return parts


def _read(job: Mapping[str, Any], stored_task: Mapping[str, Any]) -> Parts:
    """What it says, by itself. Its connection is not shown, and what needs one is a mistake without."""
    connection = stored_task.get("connection") if stored_task["type"] == job["executor"] else None
    work = read_work(job["name"], job["executor"], job["executor_config"], connection)
    return work | {"sinks": read_processors(job["processors"])}


def _timeout(job: Mapping[str, Any]) -> str | None:
    return (job["executor_config"] or {}).get("timeout")


def _changed(
    stored: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, Any]:
    moved = {key: after.get(key) for key in {*before, *after} if before.get(key) != after.get(key)}
    return {key: value for key, value in {**stored, **moved}.items() if value is not None}


def _merged_rules(stored: Mapping[str, Any] | None, before: Parts, after: Parts) -> dict[str, Any] | None:
    rules = dict(stored or {})
    was, now = _assertions(before), _assertions(after)
    if was != now:
        kept = [one for one in rules.get("assertions") or () if {"pattern": one["pattern"]} not in was]
        rules["assertions"] = kept + now
    if before["sinks"] != after["sinks"]:
        rules["sinks"] = after["sinks"]
    return rules if any(rules.values()) else None


def _assertions(work: Parts) -> list[dict[str, Any]]:
    return list((work["output_rules"] or {}).get("assertions") or ())

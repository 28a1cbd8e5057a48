"""Which kinds of task this agent runs: whatever is installed under the entry point group `tocsin.tasks`."""

import asyncio
import re
from collections.abc import Sequence
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points
from typing import Any, cast

from tocsin_agent.tasks.base import TaskRunner

GROUP = "tocsin.tasks"

#: `name>=1; extra == "kafka"`, as the metadata of a distribution says what an extra needs.
_NEED = re.compile(r"^\s*(?P<name>[A-Za-z0-9._-]+)[^;]*;.*\bextra\s*==\s*['\"](?P<extra>[^'\"]+)['\"]")


class TaskRegistry:
    """Finds runners by type, and imports them when first needed: an agent without HTTP tasks loads no client.

    An entry point that names an extra (`kafka = "...:KafkaRunner [kafka]"`) counts when everything that its
    distribution lists for that extra is installed.
    """

    def __init__(self, entries: dict[str, EntryPoint] | None = None) -> None:
        self._entries = _installed() if entries is None else entries
        self._runners: dict[str, TaskRunner] = {}
        self._options: dict[str, dict[str, Any]] = {}

    def available(self) -> list[str]:
        """The types, sorted."""
        return sorted({*self._entries, *self._runners})

    def add(self, task_type: str, runner: TaskRunner) -> None:
        """Use this runner for a type, whatever is installed."""
        self._runners[task_type] = runner

    def configure(self, task_type: str, **options: Any) -> None:
        """Give this to the runner of a type, whenever it is made."""
        self._options[task_type] = options

    def withhold(self, task_type: str) -> None:
        """This host can't run these, whatever is installed."""
        self._entries.pop(task_type, None)
        self._runners.pop(task_type, None)

    async def runner(self, task_type: str) -> TaskRunner | None:
        """The runner for a type, or None if there is none. Raises what a broken plugin raises."""
        runner = self._runners.get(task_type)
        entry = self._entries.get(task_type)
        if runner is not None or entry is None:
            return runner
        # Some drivers take a second to import: nothing else waits for that.
        made = (await asyncio.to_thread(entry.load))(**self._options.get(task_type, {}))
        return self._runners.setdefault(task_type, cast("TaskRunner", made))


def _installed() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP) if has_drivers(entry)}


def has_drivers(entry: EntryPoint) -> bool:
    """Whether everything that the entry's extras stand for is installed. Nothing is imported."""
    if not entry.extras or entry.dist is None:
        return True
    return all(_has_all(tuple(entry.dist.requires or ()), extra) for extra in entry.extras)


@cache
def _has_all(requirements: Sequence[str], extra: str) -> bool:
    found = [match for one in requirements if (match := _NEED.match(one)) and match["extra"] == extra]
    return all(_is_installed(match["name"]) for match in found)


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True

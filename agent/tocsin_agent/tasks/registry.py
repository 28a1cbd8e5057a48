"""Which kinds of task this agent runs: whatever is installed under the entry point group `tocsin.tasks`."""

from importlib.metadata import EntryPoint, entry_points
from typing import cast

from tocsin_agent.tasks.base import TaskRunner

GROUP = "tocsin.tasks"


class TaskRegistry:
    """Finds runners by type, and imports them when first needed: an agent without HTTP tasks loads no client."""

    def __init__(self, entries: dict[str, EntryPoint] | None = None) -> None:
        self._entries = {e.name: e for e in entry_points(group=GROUP)} if entries is None else entries
        self._runners: dict[str, TaskRunner] = {}

    def available(self) -> list[str]:
        """The types, sorted."""
        return sorted({*self._entries, *self._runners})

    def add(self, task_type: str, runner: TaskRunner) -> None:
        """Use this runner for a type, whatever is installed."""
        self._runners[task_type] = runner

    def withhold(self, task_type: str) -> None:
        """This host can't run these, whatever is installed."""
        self._entries.pop(task_type, None)
        self._runners.pop(task_type, None)

    def runner(self, task_type: str) -> TaskRunner | None:
        """The runner for a type, or None if there is none. Raises what a broken plugin raises."""
        if task_type not in self._runners:
            entry = self._entries.get(task_type)
            if entry is None:
                return None
            self._runners[task_type] = cast("TaskRunner", entry.load()())
        return self._runners[task_type]

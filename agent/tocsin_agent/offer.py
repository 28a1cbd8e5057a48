"""What an agent does, when that is not whatever is installed."""

from collections.abc import Sequence
from dataclasses import dataclass

from tocsin_agent.tasks.registry import TaskRegistry
from tocsin_shared.task_types import TaskType


@dataclass(frozen=True)
class Offer:
    """Of a custom agent."""

    registry: TaskRegistry
    #: What people are shown of it.
    task_types: Sequence[TaskType] = ()

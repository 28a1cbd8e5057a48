"""An agent for the functions of one program."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

import click
from pydantic import TypeAdapter

from tocsin_agent.offer import Offer
from tocsin_agent.program import run_options, run_program
from tocsin_agent.sdk.forms import Signature, task_type_of
from tocsin_agent.sdk.printing import prints_are_output
from tocsin_agent.sdk.runner import CustomRunner, Work
from tocsin_agent.settings import AgentSettings
from tocsin_agent.tasks.registry import TaskRegistry
from tocsin_shared.targets import Tag
from tocsin_shared.task_types import TaskType
from tocsin_shared.wire import Name

_Function = TypeVar("_Function", bound=Callable[..., Any])


class CustomAgent:
    """Holds functions by the type of task that they do."""

    def __init__(self, name: str | None = None, *, tags: Sequence[str] = ()) -> None:
        """`name` and `tags` count where settings name none; without a name it is that of the host."""
        self._name = None if name is None else TypeAdapter(Name).validate_python(name)
        self._tags = TypeAdapter(list[Tag]).validate_python(list(tags))
        self._work: dict[str, Work] = {}

    @overload
    def task(self, function: _Function, /) -> _Function: ...

    @overload
    def task(
        self, /, *, name: str | None = None, description: str | None = None
    ) -> Callable[[_Function], _Function]: ...

    def task(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        name: str | None = None,
        description: str | None = None,
    ) -> Callable[..., Any]:
        """A decorator: the function does the tasks of this type (by default, of the function's own name).

        Its parameters are the fields of the task's form. What it prints, returns or yields is the output; what it
        raises is the failure. A parameter annotated with `Execution` gets the execution.
        """

        def take(function: _Function) -> _Function:
            task_type = task_type_of(function, name or function.__name__, description)
            if task_type.name in self._work:
                raise ValueError(f"there is a function for '{task_type.name}' already")
            self._work[task_type.name] = Work(task_type, function, Signature(function))
            return function

        return take if function is None else take(function)

    @property
    def task_types(self) -> list[TaskType]:
        """What controllers are told."""
        return [work.task_type for work in self._work.values()]

    def offer(self) -> Offer:
        """These functions alone: no shell, nothing that is installed."""
        registry = TaskRegistry({})
        registry.add("custom", CustomRunner(self._work))
        return Offer(registry, self.task_types)

    def main(self, args: Sequence[str] | None = None) -> None:
        """The program: options and `TOCSIN_AGENT_*` variables as of `tocsin-agent run`. Ends the process."""

        def run(config: Path | None, **flags: Any) -> None:
            with prints_are_output():
                run_program(config, flags, load=self.load_settings, offer=self.offer())

        doing = ", ".join(self._work) or "nothing yet"
        command = click.command(
            help=f"Run this custom agent until it is stopped. It does: {doing}.",
            context_settings={"help_option_names": ["-h", "--help"]},
        )(run_options(run))
        command.main(args=None if args is None else list(args))

    def load_settings(self, config: Path | None, **flags: Any) -> AgentSettings:
        """As of our own agent; what is not set is this program's, with a state directory of this agent's own."""
        settings = AgentSettings.load(config, **flags)
        own: dict[str, Any] = {"tags": self._tags}
        if self._name is not None:
            own["name"] = self._name
        name = settings.name if "name" in settings.model_fields_set else own.get("name", settings.name)
        own["state_dir"] = _state_dir(name)
        news = {key: value for key, value in own.items() if key not in settings.model_fields_set}
        return settings.model_copy(update=news)


def _state_dir(name: str) -> Path:
    """For every account: an agent of one's own needs no root."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(home) / "tocsin-agent" / re.sub(r"\s", "-", name)

"""What a kind of task has to offer, and what it gets to work with."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

from tocsin_agent.policy import Policy
from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.runtime.spec import ProcessSpec
from tocsin_shared.executions import Stream
from tocsin_shared.protocol import Assignment, OutputLimits

#: Why a task has to end early.
StopKind = Literal["timeout", "cancel", "agent_stopped", "self_fence"]


class StopSignal:
    """Tells a runner to end its work. The first request counts; a later one can only shorten the grace."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._deadline: float | None = None
        self._settled = False
        self.kind: StopKind | None = None
        #: Wakes a runner that waits for the grace to pass when it becomes shorter.
        self.hastened = asyncio.Event()

    @property
    def requested(self) -> bool:
        """Whether the work has to end."""
        return self._event.is_set()

    @property
    def grace_left_secs(self) -> float:
        """How much longer the work may take to end in an orderly way."""
        if self._deadline is None:
            return 0.0
        return max(self._deadline - asyncio.get_running_loop().time(), 0.0)

    def request(self, kind: StopKind, grace_secs: float) -> None:
        """Ask the work to end within this time. Must be called inside the event loop."""
        if self._settled:
            return
        deadline = asyncio.get_running_loop().time() + max(grace_secs, 0.0)
        if self._deadline is None:
            self.kind = kind
            self._deadline = deadline
            self._event.set()
        elif deadline < self._deadline:
            self._deadline = deadline
            self.hastened.set()

    def settle(self) -> None:
        """The work has ended by itself: a request that comes only now did not end it and is ignored."""
        self._settled = self._settled or not self.requested

    async def wait(self) -> None:
        """Return once the work has to end."""
        await self._event.wait()


class TaskContext(Protocol):
    """What a runner is given besides the task."""

    @property
    def stop(self) -> StopSignal:
        """Set when the work has to end."""
        ...

    @property
    def limits(self) -> OutputLimits:
        """How much output is kept."""
        ...

    @property
    def policy(self) -> Policy:
        """What this host's owner allows. Types, accounts and paths are seen to before a runner is asked."""
        ...

    def emit(self, stream: Stream, data: bytes) -> None:
        """Take output. Never blocks."""
        ...

    def on_started(self) -> Awaitable[None]:
        """To be awaited by a task that runs inside the agent as soon as it begins."""
        ...

    def after_journal(
        self, acknowledge: Callable[[], Awaitable[None]], give_up: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Have `acknowledge` awaited once the result is durable, before anybody is told of it.

        For tasks that take something which others lose by that, as messages from a queue. `give_up` is awaited
        instead when the result is not what the runner said (it was cancelled, or took too long, or failed after all),
        or can't be written. Both may take a bounded time; their errors are logged and change nothing any more.
        """
        ...

    def run_process(self, spec: ProcessSpec) -> Awaitable[Outcome]:
        """Start a process that outlives the agent, and return how it ended. It sees to all the rest."""
        ...

    def last_line(self, stream: Stream) -> Awaitable[str]:
        """What the process wrote last, once it has ended; without secrets, empty when it wrote nothing."""
        ...


class TaskRunner(Protocol):
    """Runs one kind of task. One instance serves all executions of the agent."""

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Do it, and say how it ended by itself; the supervisor knows about timeouts and cancellation."""
        ...

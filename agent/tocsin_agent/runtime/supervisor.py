"""Watches over one execution: its timeout, orders to stop it, and what must not go wrong silently."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.runtime.output import OutputCapture
from tocsin_agent.tasks.base import StopKind, StopSignal
from tocsin_agent.tasks.registry import TaskRegistry
from tocsin_shared.executions import ExecutionStatus, Reason, Stream
from tocsin_shared.protocol import Assignment, OutputLimits

#: Takes (pid, seconds since boot of its start); both None for a task without a process.
OnStarted = Callable[[int | None, float | None], Awaitable[None]]

_log = structlog.get_logger(__name__)


class Context:
    """What a runner gets; see `tasks.base.TaskContext`."""

    def __init__(
        self, capture: OutputCapture, stop: StopSignal, limits: OutputLimits, on_started: OnStarted
    ) -> None:
        self._capture = capture
        self._on_started = on_started
        self.stop = stop
        self.limits = limits

    def emit(self, stream: Stream, data: bytes) -> None:
        """Take output."""
        self._capture.feed(stream, data)

    async def on_started(self, pid: int | None, pid_started: float | None) -> None:
        """Make the start known."""
        await self._on_started(pid, pid_started)


class Supervisor:
    """Runs one execution. Made for it inside the event loop, used once."""

    def __init__(self, registry: TaskRegistry, limits: OutputLimits | None = None) -> None:
        self._registry = registry
        self._limits = limits or OutputLimits()
        self._stop = StopSignal()
        self._timer: asyncio.TimerHandle | None = None

    def request_stop(self, kind: StopKind, grace_secs: float) -> None:
        """End it early. The first kind counts; a later request can only shorten the grace.

        Before `run` this keeps the task from being started at all.
        """
        self._stop.request(kind, grace_secs)

    async def run(self, assignment: Assignment, *, capture: OutputCapture, on_started: OnStarted) -> Outcome:
        """Do it and say how it ended. Never raises but for cancellation. Closes the capture."""

        async def started(pid: int | None, pid_started: float | None) -> None:
            # Time counts from the start of the process, not from that of its being looked up and forked.
            if assignment.timeout_secs is not None and self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(
                    assignment.timeout_secs, self._stop.request, "timeout", assignment.kill_grace_secs
                )
            await on_started(pid, pid_started)

        context = Context(capture, self._stop, self._limits, started)
        try:
            if self._stop.requested:
                return self._stopped(assignment, Outcome(ExecutionStatus.CANCELLED))
            outcome = await self._run(assignment, context)
            self._stop.settle()
            return outcome if self._stop.kind is None else self._stopped(assignment, outcome)
        finally:
            if self._timer is not None:
                self._timer.cancel()
            capture.close()

    async def _run(self, assignment: Assignment, context: Context) -> Outcome:
        task_type = assignment.task.type
        try:
            runner = self._registry.runner(task_type)
            if runner is None:
                return Outcome.failed(
                    Reason.UNSUPPORTED_TASK, f"This agent does not run tasks of type {task_type}."
                )
            return await runner.run(assignment, context)
        except Exception as error:  # noqa: BLE001 - a plugin can raise anything; the execution has to end anyway
            _log.exception(
                "task_runner_failed", task_type=task_type, execution_id=str(assignment.execution_id)
            )
            text = " ".join(f"{type(error).__name__}: {error}".split())
            return Outcome.failed(Reason.INTERNAL, f"The agent failed to run this: {text[:1000]}")

    def _stopped(self, assignment: Assignment, outcome: Outcome) -> Outcome:
        if outcome.reason in (Reason.SPAWN_FAILED, Reason.UNSUPPORTED_TASK, Reason.INTERNAL):
            # It never ran, or nobody knows how far: the stop is not what ended it.
            return outcome
        match self._stop.kind:
            case "timeout":
                status, reason = ExecutionStatus.TIMED_OUT, Reason.TIMEOUT
                message = f"Took longer than {assignment.timeout_secs:g} s."
            case "cancel":
                status, reason, message = ExecutionStatus.CANCELLED, Reason.CANCELLED, "Cancelled."
            case "self_fence":
                status, reason = ExecutionStatus.FAILED, Reason.SELF_FENCED
                message = "No word from a controller for too long: ended here, so that it can run elsewhere."
            case _:
                status, reason = ExecutionStatus.FAILED, Reason.AGENT_STOPPED
                message = "The agent was stopped while this ran."
        return replace(outcome, status=status, reason=reason, message=message)

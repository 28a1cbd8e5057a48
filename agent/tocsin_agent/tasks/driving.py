"""What tasks share that speak to a server from inside the agent: a beginning, an end, errors people can read."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_shared.connections.base import ConnectionConfig
from tocsin_shared.executions import ExecutionStatus, Reason, Stream
from tocsin_shared.protocol import Assignment

_Task = TypeVar("_Task", bound=BaseModel)
_Config = TypeVar("_Config", bound=ConnectionConfig)

#: How much of a driver's own text is told.
_MOST_CHARS = 2_000
#: A driver that was told to stop gets so long to let go of its server.
_LET_GO_SECS = 5.0


class TaskFailed(Exception):
    """The work ended badly, for this reason. The message is one sentence; `detail` is the driver's own text."""

    def __init__(
        self, reason: Reason, message: str, detail: object = "", exit_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.detail = one_line(detail)
        self.exit_code = exit_code

    @property
    def text(self) -> str:
        """All of it in one line."""
        return f"{self.message} ({self.detail})" if self.detail else self.message


def could_not_connect(what: str, error: object) -> TaskFailed:
    """`what` names the server, without credentials."""
    return TaskFailed(Reason.CONNECT_FAILED, f"Could not connect to {what}.", error)


def login_refused(what: str, error: object) -> TaskFailed:
    """The server is there, and does not take these credentials."""
    return TaskFailed(Reason.LOGIN_FAILED, f"{what} refused the login.", error)


def driver_failed(doing: str, error: object) -> TaskFailed:
    """The server, or the way to it, failed while this was done."""
    return TaskFailed(Reason.DRIVER_ERROR, f"{doing} failed.", error)


def one_line(error: object) -> str:
    """A driver's text in one line, not too long; the name of an error that says nothing."""
    text = " ".join(str(error).split())
    if not text and isinstance(error, BaseException):
        text = type(error).__name__
    return text[:_MOST_CHARS]


async def drive(
    assignment: Assignment,
    context: TaskContext,
    work: Callable[[], Coroutine[None, None, Outcome]],
    *,
    default_timeout_secs: float | None = None,
    let_go_secs: float = _LET_GO_SECS,
) -> Outcome:
    """Do the work, and end it when it has to end: it is cancelled then, and lets go of its server in `let_go_secs`.

    `default_timeout_secs` counts for jobs without `timeout_secs`. A TaskFailed becomes its outcome; its text is also
    the last line on stderr. Other errors pass, and are taken as the agent's own.
    """
    await context.on_started()
    timeout_secs = default_timeout_secs if assignment.timeout_secs is None else None
    working = asyncio.create_task(work())
    stopping = asyncio.create_task(context.stop.wait())
    try:
        await asyncio.wait({working, stopping}, timeout=timeout_secs, return_when=asyncio.FIRST_COMPLETED)
        if working.cancelled():
            # By its driver, nobody here did: not to be taken for the end of this execution's own task.
            raise driver_failed("The work", "its driver broke it off")
        if working.done():
            return working.result()
        await _end(working, let_go_secs)
        if context.stop.requested:
            return _told(
                context, Outcome.stopped(context.stop.kind or "agent_stopped", assignment.timeout_secs)
            )
        return _told(context, Outcome.stopped("timeout", timeout_secs))
    except TaskFailed as failure:
        return _told(context, Outcome.failed(failure.reason, failure.text, exit_code=failure.exit_code))
    finally:
        await _end(working)
        await _end(stopping)


def task_of(assignment: Assignment, model: type[_Task]) -> _Task:
    """The task, as the type that this runner is for. Raises TaskFailed."""
    if not isinstance(assignment.task, model):
        message = f"This runner is not for tasks of type {assignment.task.type}."
        raise TaskFailed(Reason.UNSUPPORTED_TASK, message)
    return assignment.task


def config_of(assignment: Assignment, model: type[_Config]) -> _Config | None:
    """What the task's connection says, if it has one. Raises TaskFailed."""
    given = assignment.connection
    if given is None:
        return None
    try:
        return given.read(model)
    except ValidationError as error:
        # Not the error's own text: that shows values.
        where = ", ".join(".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
        message = f"The connection '{given.name}' does not fit: {where}."
        raise TaskFailed(Reason.BAD_CONNECTION, message) from None


async def _end(task: "asyncio.Task[object]", within_secs: float = _LET_GO_SECS) -> None:
    if not task.done():
        task.cancel()
        with suppress(TimeoutError, asyncio.CancelledError, Exception):
            await asyncio.wait_for(asyncio.shield(task), within_secs)


def _told(context: TaskContext, outcome: Outcome) -> Outcome:
    if outcome.status is ExecutionStatus.FAILED and outcome.message:
        context.emit(Stream.STDERR, f"{outcome.message}\n".encode())
    return outcome

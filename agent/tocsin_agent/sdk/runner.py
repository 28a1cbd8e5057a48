"""Runs the functions of a custom agent: async ones in the agent's loop, plain ones each in a thread."""

import asyncio
import inspect
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.sdk.execution import Execution, Failed, Stopped
from tocsin_agent.sdk.forms import BadData, Signature
from tocsin_agent.sdk.printing import current
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import drive, one_line
from tocsin_shared.executions import Reason
from tocsin_shared.logs import log
from tocsin_shared.protocol import Assignment
from tocsin_shared.task_types import TaskType
from tocsin_shared.tasks import CustomTask
from tocsin_shared.wire import dumps


@dataclass(frozen=True)
class Work:
    """One kind of work, and the function that does it."""

    task_type: TaskType
    function: Callable[..., Any]
    signature: Signature


class CustomRunner:
    """Runs `custom` tasks."""

    def __init__(self, work: dict[str, Work]) -> None:
        self._work = work

    async def run(self, assignment: Assignment, context: TaskContext) -> Outcome:
        """Call the function, and say how it ended."""
        task = assignment.task
        if not isinstance(task, CustomTask):
            return Outcome.failed(Reason.UNSUPPORTED_TASK, f"This agent has no tasks of type {task.type}.")
        work = self._work.get(task.agent_task_type)
        if work is None:
            known = ", ".join(sorted(self._work))
            message = f"This agent has no tasks of type '{task.agent_task_type}', only: {known}."
            return Outcome.failed(Reason.UNSUPPORTED_TASK, message)
        execution = Execution(assignment, context, task.data)
        try:
            arguments = work.signature.arguments(execution)
        except BadData as error:
            return Outcome.failed(Reason.INVALID_PARAMS, str(error))
        function = work.function
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            return await drive(assignment, context, lambda: _run_async(function, arguments, execution))
        await context.on_started()
        return await _run_in_thread(function, arguments, execution, context)


async def _run_async(
    function: Callable[..., Any], arguments: dict[str, Any], execution: Execution
) -> Outcome:
    current.set(execution)  # of this asyncio task only
    try:
        if inspect.isasyncgenfunction(function):
            async for one in function(**arguments):
                _tell(execution, one)
        else:
            _tell(execution, await function(**arguments))
    except Exception as error:  # noqa: BLE001 - a function may raise anything: that is how it fails
        return _failure(execution, error)
    finally:
        execution.flush()
    return Outcome.succeeded()


async def _run_in_thread(
    function: Callable[..., Any], arguments: dict[str, Any], execution: Execution, context: TaskContext
) -> Outcome:
    """Until the function has returned, also when it has to end: a thread can't be killed, and this tells no lies."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Outcome] = loop.create_future()

    def end(outcome: Outcome) -> None:
        if not ended.done():
            ended.set_result(outcome)

    def work() -> None:
        current.set(execution)
        outcome = _call(function, arguments, execution)
        with suppress(RuntimeError):  # the agent has ended meanwhile
            loop.call_soon_threadsafe(end, outcome)

    # Daemonic, so that a function which never returns does not keep a stopped agent.
    threading.Thread(target=copy_context().run, args=(work,), name=str(execution.id), daemon=True).start()
    stopping = asyncio.create_task(context.stop.wait())
    either: set[asyncio.Future[Any]] = {ended, stopping}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            execution.end_soon()
        return await ended
    finally:
        execution.end_soon()
        stopping.cancel()


def _call(function: Callable[..., Any], arguments: dict[str, Any], execution: Execution) -> Outcome:
    try:
        try:
            given = function(**arguments)
            if inspect.isgenerator(given):
                for one in given:
                    _tell(execution, one)
            else:
                _tell(execution, given)
        finally:
            with suppress(Stopped):
                execution.flush()
    except Stopped:
        return Outcome.stopped("agent_stopped", None)  # what it is called is known to the supervisor
    except Exception as error:  # noqa: BLE001 - a function may raise anything: that is how it fails
        return _failure(execution, error)
    except BaseException as error:  # noqa: BLE001 - sys.exit() in a function ends the execution, not the agent
        return _exited(execution, error)
    return Outcome.succeeded()


def _tell(execution: Execution, value: Any) -> None:
    """What a function returns or yields: bytes as they are, text as lines, other things as lines of JSON."""
    if value is None:
        return
    if isinstance(value, bytes | bytearray | memoryview):
        execution.write(bytes(value))
        return
    text = value if isinstance(value, str) else dumps(value).decode()
    execution.write(text if text.endswith("\n") else text + "\n")


def _failure(execution: Execution, error: Exception) -> Outcome:
    if isinstance(error, Failed):
        return Outcome.failed(Reason.EXIT_CODE, error.message, exit_code=error.exit_code)
    lines: Iterable[str] = traceback.format_exception(error)
    with suppress(Stopped):
        execution.write("".join(lines), stderr=True)
        execution.flush()
    message = f"{type(error).__name__}: {one_line(error)}" if str(error) else type(error).__name__
    return Outcome.failed(Reason.EXIT_CODE, message, exit_code=1)


def _exited(execution: Execution, error: BaseException) -> Outcome:
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return Outcome.succeeded()
    code = error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 1
    log.warning(
        "function_exited", execution_id=str(execution.id), error=type(error).__name__, file=sys.argv[0]
    )
    message = f"The function ended with {type(error).__name__}."
    return Outcome.failed(Reason.EXIT_CODE, message, exit_code=min(max(code, 1), 255))

"""Functions of a custom agent, run by a real executor with a real journal."""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.integration.tasks.running import Ran, RunningTask, run_task, started_task

from tocsin_agent.sdk import CustomAgent, Execution, Failed
from tocsin_agent.sdk.printing import prints_are_output
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.tasks import CustomTask, ShellTask

agent = CustomAgent("tests")

#: Where functions say that they were stopped.
ended = threading.Event()


@agent.task
def greet(whom: str, times: int = 1) -> str:
    """Says hello."""
    return "\n".join(["hello " + whom] * times)


@agent.task
def tell(execution: Execution) -> dict[str, Any]:
    """Prints in every way."""
    print("printed", 1, 2)
    print("warned", file=sys.stderr)
    execution.write(b"\xff\x00")
    return {"job": execution.job_name, "attempt": execution.attempt}


@agent.task
def count(to: int) -> Iterator[str]:
    """Yields lines."""
    yield from (str(n) for n in range(to))


@agent.task
async def count_slowly(to: int) -> AsyncIterator[int]:
    """Yields lines from the loop."""
    for n in range(to):
        await asyncio.sleep(0)
        yield n


@agent.task
async def sleep_on() -> None:
    """Has to be cancelled."""
    print("sleeping")
    try:
        await asyncio.sleep(600)
    finally:
        ended.set()


@agent.task
def print_on() -> None:
    """Notices at its next line that it has to end."""
    try:
        while True:
            print("line")
            time.sleep(0.01)
    finally:
        ended.set()


@agent.task
def wait_on(execution: Execution) -> None:
    """Waits for as long as it may."""
    print("waiting")
    execution.wait(600)


@agent.task
def say_often(word: str) -> None:
    """Prints it again and again."""
    for _ in range(50):
        print(word)


@agent.task
def fail() -> None:
    """Raises what it has for that."""
    print("half", end="")
    raise Failed("The printer is out of paper.", exit_code=7)


@agent.task
def break_down() -> None:
    """Raises what it has not thought of."""
    raise KeyError("colour")


@agent.task
def leave() -> None:
    """Ends as programs do."""
    sys.exit(3)


async def run(name: str, **data: Any) -> Ran:
    task = CustomTask(type="custom", agent_task_type=name, data=data)
    # Not in a fixture: pytest sets these streams anew for each phase of a test.
    with prints_are_output():
        return await run_task(task, registry=agent.offer().registry)


@asynccontextmanager
async def started(name: str, **options: Any) -> AsyncIterator[RunningTask]:
    ended.clear()
    task = CustomTask(type="custom", agent_task_type=name, data={})
    with prints_are_output():
        async with started_task(task, registry=agent.offer().registry, **options) as running:
            yield running


async def test_what_a_function_returns_is_the_output() -> None:
    ran = await run("greet", whom="wörld", times=2.0)
    assert (ran.status, ran.outcome.exit_code) == (ExecutionStatus.SUCCEEDED, 0)
    assert ran.text == "hello wörld\nhello wörld\n"


async def test_what_a_function_prints_is_the_output() -> None:
    ran = await run("tell")
    assert ran.stdout == b'printed 1 2\n\xff\x00{"job":"test","attempt":1}\n'
    assert ran.errors == "warned\n"


async def test_what_a_function_yields_is_the_output() -> None:
    assert (await run("count", to=1_000)).text.split() == [str(n) for n in range(1_000)]
    assert (await run("count_slowly", to=3)).text == "0\n1\n2\n"


async def test_a_function_fails_with_a_sentence_and_a_code() -> None:
    ran = await run("fail")
    assert (ran.outcome.reason, ran.outcome.exit_code) == (Reason.EXIT_CODE, 7)
    assert (ran.outcome.message, ran.text) == ("The printer is out of paper.", "half")


async def test_an_error_in_a_function_is_told_with_its_place() -> None:
    ran = await run("break_down")
    assert (ran.status, ran.outcome.message) == (ExecutionStatus.FAILED, "KeyError: 'colour'")
    assert "in break_down" in ran.errors
    assert (await run("leave")).outcome.exit_code == 3


async def test_data_that_does_not_fit_starts_nothing() -> None:
    ran = await run("greet", times=1)
    assert (ran.outcome.reason, ran.outcome.message) == (
        Reason.INVALID_PARAMS,
        "The field 'whom' is missing.",
    )


async def test_a_type_that_it_does_not_have_is_refused() -> None:
    ran = await run("dance")
    assert ran.outcome.reason is Reason.UNSUPPORTED_TASK
    assert "'dance'" in (ran.outcome.message or "")
    named = await run_task(ShellTask(type="shell", command="true"), registry=agent.offer().registry)
    assert named.outcome.reason is Reason.UNSUPPORTED_TASK


@pytest.mark.parametrize("name", ["sleep_on", "print_on"])
async def test_a_cancelled_function_is_told_and_then_it_is_cancelled(name: str) -> None:
    async with started(name) as running:
        await running.prints(b"in")
        running.cancel()
        ran = await running.ended()
        assert ended.is_set()
    assert ran.status is ExecutionStatus.CANCELLED


async def test_a_function_that_takes_too_long_is_timed_out() -> None:
    async with started("wait_on", timeout_secs=0.3) as running:
        assert (await running.ended()).status is ExecutionStatus.TIMED_OUT


async def test_functions_print_beside_each_other_without_mixing() -> None:
    registry = agent.offer().registry
    tasks = [
        CustomTask(type="custom", agent_task_type="say_often", data={"word": f"word {n}"}) for n in range(5)
    ]
    with prints_are_output():
        several = await asyncio.gather(*(run_task(task, registry=registry) for task in tasks))
    for n, ran in enumerate(several):
        assert ran.text == f"word {n}\n" * 50

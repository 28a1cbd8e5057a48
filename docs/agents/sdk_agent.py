"""An agent of your own with the SDK: each decorated function is a type of task, its parameters are the form.

Start it with TOCSIN_AGENT_CONTROLLER=http://127.0.0.1:8080 TOCSIN_AGENT_KEY=<agent key> python sdk_agent.py
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from tocsin_agent.sdk import CustomAgent, Execution, Failed, Form

agent = CustomAgent("sdk-example", tags=["demo"])


@agent.task
def greet(who: str = "you", language: Literal["en", "de"] = "en") -> str:
    """Says hello."""
    return f"{'hallo' if language == 'de' else 'hello'} {who}"


@agent.task
def print_label(
    execution: Execution,
    text: Annotated[str, Form(label="Text", field_type="textarea", placeholder="Fragile")],
    copies: Annotated[int, Form(label="Copies")] = 1,
) -> None:
    """Prints labels. What it prints is the output; between two labels it notices that it was cancelled."""
    if not text.strip():
        raise Failed("There is nothing to print.", exit_code=2)
    for number in range(copies):
        print(f"label {number + 1} of {copies}: {text}")
        execution.wait(0.1)


@agent.task(name="nap")
async def sleep_for_a_while(secs: float) -> AsyncIterator[str]:
    """Sleeps, and tells of every second. Async functions are cancelled at their next await."""
    for second in range(int(secs)):
        yield f"slept for {second} s"
        await asyncio.sleep(1)


if __name__ == "__main__":
    agent.main()

"""Tasks for third-party agents, and for trials."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from tocsin_shared.wire import Text, UserModel


class CustomTask(UserModel):
    """Work for a third-party agent, which knows what the type means."""

    type: Literal["custom"]
    agent_task_type: Annotated[Text, Field(min_length=1, max_length=255)]
    data: dict[str, Any] = {}


class NoopTask(UserModel):
    """Prints, sleeps or fails as asked, inside the agent's own process. For trials and benchmarks."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset({"output"})

    type: Literal["noop"]
    output: Annotated[Text, Field(max_length=100_000)] | None = None
    sleep_secs: Annotated[float, Field(ge=0, le=86_400)] = 0
    exit_code: Annotated[int, Field(ge=0, le=255)] = 0

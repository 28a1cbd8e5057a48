"""What a job does. `type` says which kind."""

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from tocsin_shared.wire import Text, UserModel

#: A POSIX account name, as `useradd` accepts it.
UserName = Annotated[
    Text, StringConstraints(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")
]

EnvName = Annotated[Text, StringConstraints(max_length=255, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]

MAX_STDIN_CHARS = 1_000_000


class ShellTask(UserModel):
    """A command line for `/bin/sh -c`."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset({"working_dir", "env", "stdin", "run_as"})

    type: Literal["shell"]
    command: Annotated[Text, Field(min_length=1, max_length=100_000)]
    working_dir: Annotated[Text, Field(min_length=1, max_length=4096)] | None = None
    #: Added to the agent's clean environment.
    env: dict[EnvName, Text] | None = None
    #: Written to the command's standard input, which is otherwise empty.
    stdin: Annotated[Text, Field(max_length=MAX_STDIN_CHARS)] | None = None
    #: Run as this account; overrides the job's `run_as`.
    run_as: UserName | None = None


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


#: A URL may begin with a variable that holds the beginning of one.
_REFERENCE = re.compile(r"\{\{(?:params\.)?[A-Za-z0-9_]+\}\}")


def _http_url(value: str) -> str:
    if not value.lower().startswith(("http://", "https://")) and not _REFERENCE.match(value):
        raise ValueError("must start with http:// or https://")
    if any(ord(c) < 33 for c in value):
        raise ValueError("must not contain spaces or control characters")
    return value


def _header_safe(value: str) -> str:
    if "\r" in value or "\n" in value:
        raise ValueError("must not contain line breaks")
    return value


HeaderText = Annotated[Text, AfterValidator(_header_safe)]
HeaderName = Annotated[Text, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=255)]


class HttpTask(UserModel):
    """One HTTP request; the answer's body is the output, its status the exit code."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset({"connection"})

    type: Literal["http"]
    method: Annotated[
        Literal["get", "post", "put", "patch", "delete", "head", "options"], BeforeValidator(_lower)
    ]
    url: Annotated[Text, Field(max_length=8192), AfterValidator(_http_url)]
    headers: dict[HeaderName, HeaderText] | None = None
    body: Text | None = None
    #: The only status that counts as success; without it every 2xx does.
    expect_status: Annotated[int, Field(ge=100, le=599)] | None = None


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


Task = Annotated[ShellTask | HttpTask | CustomTask | NoopTask, Field(discriminator="type")]

#: Types that Tocsin's own agent runs; `custom` is for third-party agents.
NATIVE_TASK_TYPES = ("shell", "http", "noop")

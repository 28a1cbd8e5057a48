"""Tasks that run programs on the agent's host."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tocsin_shared.tasks.fields import EnvName, Label, Path, ScriptName, UserName
from tocsin_shared.wire import Text, UserModel

MAX_STDIN_CHARS = 1_000_000
#: Of a stored script.
MAX_SCRIPT_CHARS = 1_048_576


class ShellTask(UserModel):
    """A command line for `/bin/sh -c`."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset({"working_dir", "env", "stdin", "run_as"})

    type: Literal["shell"]
    command: Annotated[Text, Field(min_length=1, max_length=100_000)]
    working_dir: Path | None = None
    #: Added to the agent's clean environment.
    env: dict[EnvName, Text] | None = None
    #: Written to the command's standard input, which is otherwise empty.
    stdin: Annotated[Text, Field(max_length=MAX_STDIN_CHARS)] | None = None
    #: Run as this account; overrides the job's `run_as`.
    run_as: UserName | None = None


class ScriptTask(UserModel):
    """A stored Starlark script, run in a sandbox of its own."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset({"vars"})

    type: Literal["script"]
    script_name: ScriptName
    #: Values that the script finds in `vars`, such as `{"token": "{{API_TOKEN}}"}`: the only way for variables into it.
    vars: dict[Label, Text] | None = None


class DockerBuildTask(UserModel):
    """Builds an image from a stored Dockerfile, by the API of Docker or Podman on the agent's host."""

    type: Literal["docker_build"]
    script_name: ScriptName
    image_tag: Annotated[Text, Field(min_length=1, max_length=255)] | None = None
    #: Start a container of the image when it is built; its exit code is the execution's.
    run_after_build: bool = False
    build_args: dict[Label, Text] | None = None

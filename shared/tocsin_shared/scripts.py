"""Scripts that are stored on the controller, for tasks of the types `script` and `docker_build`."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from tocsin_shared.tasks.fields import ScriptName
from tocsin_shared.tasks.processes import MAX_SCRIPT_CHARS
from tocsin_shared.wire import Model, Text, UserModel

#: Of one script, in UTF-8.
MAX_SCRIPT_BYTES: Final = MAX_SCRIPT_CHARS
#: Scripts that one installation can have; so the list, which comes whole, stays short.
MOST_SCRIPTS: Final = 1_000


class ScriptType(StrEnum):
    """What a script is written in."""

    STARLARK = "starlark"
    DOCKERFILE = "dockerfile"


def _no_rhai(value: Any) -> Any:
    if value == "rhai":
        raise ValueError(
            "Rhai is not run here: write it in Starlark (docs/tasks/script.md says what is different) and send "
            "script_type `starlark`, or none"
        )
    return value


def _fits(value: str) -> str:
    if len(value.encode()) > MAX_SCRIPT_BYTES:
        raise ValueError(f"must be at most {MAX_SCRIPT_BYTES} bytes")
    return value


ScriptCode = Annotated[Text, Field(min_length=1, max_length=MAX_SCRIPT_BYTES), AfterValidator(_fits)]


class ScriptSave(UserModel):
    """A new script, or what replaces the one of this name."""

    model_config = ConfigDict(str_max_length=MAX_SCRIPT_BYTES)

    code: ScriptCode
    #: `dockerfile` for `docker_build` tasks.
    script_type: Annotated[ScriptType, BeforeValidator(_no_rhai)] = ScriptType.STARLARK


class NewScript(ScriptSave):
    """A script with its name, as it is imported."""

    name: ScriptName


class ScriptEntry(Model):
    """A script in the list."""

    model_config = ConfigDict(extra="forbid")

    name: str
    script_type: str
    #: Bytes of its code.
    size: int
    #: When it was last saved.
    modified: str


class ScriptView(Model):
    """A script."""

    model_config = ConfigDict(extra="forbid")

    name: str
    script_type: str
    code: str
    #: Bytes of its code.
    size: int


class ScriptSaved(Model):
    """The answer to a script that was saved, or would have been."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["ok"]
    name: str

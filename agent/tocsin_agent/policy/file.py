"""The policy file: TOML, read whole. With a mistake in it an agent does not start, nor change what policy it has."""

import re
import stat
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, ValidationError

from tocsin_agent.policy.decisions import Policy
from tocsin_agent.policy.paths import Directories
from tocsin_shared.network import Reach
from tocsin_shared.network.places import Places
from tocsin_shared.network.reach import ReachDefault
from tocsin_shared.tasks import UserName
from tocsin_shared.wire import Model

#: Read when it is there and the setting names no other.
DEFAULT_FILE: Final = Path("/etc/tocsin/agent-policy.toml")


class BadPolicy(Exception):
    """The file can't be used. The message is one line."""


def read_policy(path: Path | None) -> Policy:
    """The policy in this file, or in the usual one if there is one, else one without rules. Raises BadPolicy."""
    if path is None:
        if not DEFAULT_FILE.exists():
            return Policy()
        path = DEFAULT_FILE
    try:
        if path.stat().st_mode & stat.S_IWOTH:
            raise BadPolicy(f"{path} can be written by everybody, so it is no policy; chmod o-w {path}")
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise BadPolicy(f"the policy {path} can't be read: {why}") from None
    try:
        return parse_policy(text)
    except BadPolicy as error:
        raise BadPolicy(f"the policy {path} is wrong: {error}") from None


def parse_policy(text: str) -> Policy:
    """Raises BadPolicy, which names every mistake."""
    try:
        return _File.model_validate(tomllib.loads(text)).policy()
    except tomllib.TOMLDecodeError as error:
        raise BadPolicy(str(error)) from None
    except ValidationError as error:
        mistakes = (f"{'.'.join(map(str, e['loc']))}: {_message(e)}" for e in error.errors())
        raise BadPolicy("; ".join(mistakes)) from None


def _message(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such setting"
    return str(error["msg"]).removeprefix("Value error, ")


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path


def _place(entry: str) -> str:
    Places.of([entry])
    return entry


def _origin(url: str) -> str:
    if not re.fullmatch(r"https?://[^/\s]+(/[^\s]*)?", url):
        raise ValueError("must be an address such as https://tocsin.example.org")
    return url.rstrip("/")


def _fingerprint(text: str) -> str:
    digits = text.lower().removeprefix("sha256:").replace(":", "")
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise ValueError("must be the SHA-256 of a certificate, 64 hexadecimal digits")
    return digits


_Dirs = list[Annotated[Path, AfterValidator(_absolute)]]
_Places = list[Annotated[str, AfterValidator(_place)]]


class _Strict(Model):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Directories(_Strict):
    working: _Dirs | None = None
    read: _Dirs | None = None
    write: _Dirs | None = None


class _Network(_Strict):
    default: ReachDefault = "all"
    allow: _Places = []
    deny: _Places = []


class _File(_Strict):
    task_types: list[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]] | None = None
    run_as: list[UserName] | None = None
    controllers: list[Annotated[str, AfterValidator(_origin)]] | None = Field(None, min_length=1)
    controller_fingerprints: list[Annotated[str, AfterValidator(_fingerprint)]] | None = Field(
        None, min_length=1
    )
    allow_script_shell: bool = Field(False, strict=True)
    directories: _Directories = Field(default_factory=_Directories)
    network: _Network = Field(default_factory=_Network)

    def policy(self) -> Policy:
        directories, network = self.directories, self.network
        return Policy(
            task_types=_set(self.task_types),
            run_as=_set(self.run_as),
            directories=Directories(
                working=_tuple(directories.working),
                read=_tuple(directories.read),
                write=_tuple(directories.write),
            ),
            controllers=_set(self.controllers),
            fingerprints=_set(self.controller_fingerprints),
            reach=Reach(network.default, tuple(network.allow), tuple(network.deny)),
            allow_script_shell=self.allow_script_shell,
        )


def _set(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _tuple(values: list[Path] | None) -> tuple[Path, ...] | None:
    return None if values is None else tuple(values)

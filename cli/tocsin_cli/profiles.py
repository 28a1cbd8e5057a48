"""Controllers that people work with, under names: `~/.config/tocsin/profiles.toml`.

    current = "prod"

    [default]
    url = "http://127.0.0.1:8080"

    [prod]
    url = "https://tocsin.example.org"
    key = "..."
    ca_file = "/etc/ssl/our-ca.pem"

The file holds keys, so it is written with mode 0600 and replaced in one step.
"""

import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tocsin_cli.failures import Failure

DEFAULT_PROFILE = "default"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Profile:
    """How to reach one controller."""

    url: str | None = None
    key: str | None = None
    ca_file: str | None = None


@dataclass(slots=True)
class Profiles:
    """The whole file."""

    #: The one that is used when nobody says otherwise.
    current: str = DEFAULT_PROFILE
    by_name: dict[str, Profile] = field(default_factory=dict)


def profiles_path(env: Mapping[str, str] = os.environ) -> Path:
    """Where the file is, whether or not it exists."""
    base = env.get("XDG_CONFIG_HOME") or Path(env.get("HOME") or Path.home()) / ".config"
    return Path(base) / "tocsin" / "profiles.toml"


def load_profiles(path: Path) -> Profiles:
    """Read the file; none is the same as an empty one. Raises Failure when it can't be understood."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return Profiles()
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}") from None
    try:
        return _understand(tomllib.loads(text))
    except ValueError as error:
        raise Failure(f"{path}: {error}") from None


def save_profiles(path: Path, profiles: Profiles) -> None:
    """Replace the file, readable by its owner only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp makes the file 0600 from the start.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".profiles-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(_written(profiles))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def check_name(name: str) -> str:
    """The name, when it can be one. Raises ValueError."""
    if not _NAME.fullmatch(name) or name == _CURRENT:
        raise ValueError(f"{name!r} can't name a profile: use letters, digits, '-' and '_' (not 'current')")
    return name


def is_open_to_others(path: Path) -> bool:
    """Whether other accounts of this machine can read the file."""
    try:
        return bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


def _understand(document: dict[str, Any]) -> Profiles:
    current = document.pop(_CURRENT, DEFAULT_PROFILE)
    if not isinstance(current, str):
        raise ValueError("`current` must be the name of a profile, in quotes")
    profiles = Profiles(current)
    for name, table in document.items():
        if not isinstance(table, dict):
            raise ValueError(f"{name!r} does not belong at the top; profiles look like [name]")
        for key, value in table.items():
            if key not in Profile.__slots__:
                raise ValueError(f"[{name}]: {key!r} is not known; a profile has url, key and ca_file")
            if not isinstance(value, str):
                raise ValueError(f"[{name}]: {key} must be text in quotes")
        profiles.by_name[name] = Profile(**table)
    return profiles


def _written(profiles: Profiles) -> str:
    lines = ["# Written by `tocsin profile`.", f"{_CURRENT} = {_quoted(profiles.current)}"]
    for name, profile in profiles.by_name.items():
        lines += ["", f"[{name}]"]
        for key in Profile.__slots__:
            if value := getattr(profile, key):
                lines.append(f"{key} = {_quoted(value)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\u{ord(match[0]):04x}", escaped) + '"'

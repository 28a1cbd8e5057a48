"""Which controller, which key, which output: flags first, then the environment, then the profile.

A profile named by a flag counts as a flag. A key is only ever sent to the controller it was meant for: the
profile's key goes along with the profile's URL, never with another one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tocsin_cli.failures import Failure
from tocsin_cli.output.printer import Format
from tocsin_cli.profiles import Profile, Profiles

DEFAULT_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Settings:
    """How this invocation reaches its controller, and how it answers."""

    url: str
    key: str | None
    ca_file: Path | None
    output: Format
    colour: bool


def resolve_settings(
    flags: Mapping[str, Any], env: Mapping[str, str], load: Callable[[], Profiles]
) -> Settings:
    """Put the sources together; `load` is only called when the profiles matter. Raises Failure."""
    named = flags.get("profile")
    url = flags.get("url")
    key = _key_of_flags(flags)
    if named is None:
        # An empty variable is the same as none.
        url = url or env.get("TOCSIN_URL") or None
        key = key or env.get("TOCSIN_KEY") or _key_in_file(env.get("TOCSIN_KEY_FILE"))
    profile = Profile()
    if named is not None or url is None or key is None or not flags.get("ca_file"):
        profile = _profile(load(), named or env.get("TOCSIN_PROFILE"), is_required=named is not None)
    is_profiles = url is None or (profile.url is not None and _same(url, profile.url))
    ca_file = flags.get("ca_file") or (env.get("TOCSIN_CA_FILE") if named is None else None)
    return Settings(
        url=_checked(url or profile.url or DEFAULT_URL),
        key=key or (profile.key if is_profiles else None),
        ca_file=_path(ca_file or (profile.ca_file if is_profiles else None)),
        output=flags.get("output") or "table",
        colour=not (flags.get("no_color") or env.get("NO_COLOR") or env.get("TERM") == "dumb"),
    )


def read_key_file(path: str) -> str:
    """The key that a file holds, by itself on its first line. Raises Failure."""
    try:
        key = Path(path).expanduser().read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise Failure(f"cannot read the key in {path}: {reason}") from None
    if not key or any(character.isspace() for character in key):
        raise Failure(f"{path} must hold one key and nothing else")
    return key


def _key_of_flags(flags: Mapping[str, Any]) -> str | None:
    return flags.get("key") or _key_in_file(flags.get("key_file"))


def _key_in_file(path: str | None) -> str | None:
    return read_key_file(path) if path else None


def _profile(profiles: Profiles, name: str | None, *, is_required: bool) -> Profile:
    wanted = name or profiles.current
    found = profiles.by_name.get(wanted)
    if found is None and (is_required or name):
        known = ", ".join(profiles.by_name) or "none yet"
        raise Failure(
            f"there is no profile {wanted!r} (known: {known}); make it with: tocsin profile set {wanted}"
        )
    return found or Profile()


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def _same(one: str, other: str) -> bool:
    return one.rstrip("/").lower() == other.rstrip("/").lower()


def _checked(url: str) -> str:
    if not url.lower().startswith(("http://", "https://")):
        raise Failure(f"the controller's URL must start with http:// or https://, not {url!r}")
    return url.rstrip("/")

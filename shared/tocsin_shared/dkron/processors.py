"""Dkron's processors as sinks of ours, and back. Pure.

Real Dkron hands the output of each attempt to them where its server runs; without `forward` it keeps a note instead.
"""

from collections.abc import Mapping
from typing import Any, Final

#: Dkron's names, and ours. Others are kept and shown, and do nothing, as in Dkron where a plugin is missing.
_TYPES: Final = {"log": "log", "files": "file", "syslog": "syslog", "fluent": "fluent"}
PROCESSORS: Final = frozenset(_TYPES)
_NAMES: Final = {ours: theirs for theirs, ours in _TYPES.items()}
_LOG_DIR: Final = "/var/log/dkron"

Processors = Mapping[str, Mapping[str, str]]


def read_processors(processors: Processors | None) -> list[dict[str, Any]]:
    """As `output_rules.sinks`."""
    return [
        {"type": _TYPES[name], "keep_output": config.get("forward") == "true"}
        | ({"directory": config.get("log_dir") or _LOG_DIR} if name == "files" else {})
        for name, config in (processors or {}).items()
        if name in _TYPES
    ]


def write_processors(rules: Mapping[str, Any] | None) -> dict[str, dict[str, str]]:
    """Of a job that was made elsewhere."""
    return {
        _NAMES[sink["type"]]: {"forward": "true" if sink["keep_output"] else "false"}
        | ({"log_dir": sink["directory"]} if sink.get("directory") else {})
        for sink in (rules or {}).get("sinks") or ()
    }

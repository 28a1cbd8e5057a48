"""A job as clients of Dkron send it, read as Go's decoder does. Pure.

Keys in any case of letters, unknown ones ignored, null says nothing, and whatever follows the first value is not read.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from tocsin_controller.compat.dkron.instants import written
from tocsin_shared.dkron.instants import ZERO, parse_form_instant, parse_instant
from tocsin_shared.errors import MalformedBody

_MOST: Final = 2**63 - 1
_WHITE: Final = " \t\r\n"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("string")
    if "\x00" in value:
        raise ValueError("it must not contain NUL characters")
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -_MOST <= value <= _MOST:
        raise TypeError("int")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        raise TypeError("uint")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("bool")
    return value


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise TypeError("[]string")
    return [_text(one if one is not None else "") for one in value]


def _map(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError("map[string]string")
    return {_text(key): _text(one if one is not None else "") for key, one in value.items()}


def _maps(value: Any) -> dict[str, dict[str, str]]:
    if not isinstance(value, dict):
        raise TypeError("map[string]plugin.Config")
    return {_text(key): _map(one if one is not None else {}) for key, one in value.items()}


def _instant(value: Any) -> str:
    return written(parse_instant(_text(value)))


def _form_instant(value: Any) -> str:
    return written(parse_form_instant(_text(value)))


#: Every key in the order in which it is written: how it is read, and what it is when it is not said.
KEYS: Final[Mapping[str, tuple[Callable[[Any], Any], Any]]] = {
    "id": (_text, ""),
    "name": (_text, ""),
    "displayname": (_text, ""),
    "timezone": (_text, ""),
    "schedule": (_text, ""),
    "owner": (_text, ""),
    "owner_email": (_text, ""),
    "success_count": (_whole, 0),
    "error_count": (_whole, 0),
    "last_success": (_form_instant, None),
    "last_error": (_form_instant, None),
    "disabled": (_flag, False),
    "tags": (_map, None),
    "metadata": (_map, None),
    "retries": (_count, 0),
    "dependent_jobs": (_texts, None),
    "parent_job": (_text, ""),
    "processors": (_maps, None),
    "concurrency": (_text, "allow"),
    "executor": (_text, ""),
    "executor_config": (_map, None),
    "status": (_text, ""),
    "next": (_instant, ZERO),
    "ephemeral": (_flag, False),
    "starts_at": (_form_instant, None),
    "expires_at": (_form_instant, None),
}


def first_value(raw: bytes) -> Any:
    """The first JSON value of a body. Raises MalformedBody."""
    text = raw.decode("utf-8", "replace").lstrip(_WHITE)
    if not text:
        raise MalformedBody("Unable to parse payload: EOF.")
    try:
        value, _ = json.JSONDecoder(parse_constant=_no_constant).raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise MalformedBody(f"Unable to parse payload: {str(error)[:200]}.") from None
    return value


def decode_job(value: Any) -> dict[str, Any]:
    """All the keys of a job, in order. Raises MalformedBody."""
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise MalformedBody("Unable to parse payload: json: a job is an object.")
    job = {key: default for key, (_, default) in KEYS.items()}
    for sent, one in value.items():
        key = sent if sent in KEYS else sent.lower()
        if key not in KEYS or one is None:
            continue
        try:
            job[key] = KEYS[key][0](one)
        except TypeError as error:
            why = f"json: cannot unmarshal into Go struct field Job.{key} of type {error}"
            raise MalformedBody(f"Unable to parse payload: {why}.") from None
        except ValueError as error:
            raise MalformedBody(f"Unable to parse payload: {key}: {error}.") from None
    job["id"] = job["name"]
    return job


def _no_constant(name: str) -> None:
    raise ValueError(f"invalid character in literal {name}")

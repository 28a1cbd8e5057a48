"""Finding the job in what a language model said. Pure."""

import re
from typing import Any

from tocsin_shared.wire import dumps, loads

_FENCED = re.compile(r"```[\w-]*[ \t]*\r?\n(.*?)```", re.DOTALL)


def document_in(text: str) -> bytes:
    """The JSON object that this is, or that stands in a fenced block, or between the first and last brace.

    Raises ValueError.
    """
    for candidate in _candidates(text):
        try:
            found: Any = loads(candidate)
        except ValueError:
            continue
        if isinstance(found, dict):
            inner = found.get("job")
            try:
                return dumps(inner if isinstance(inner, dict) and len(found) == 1 else found)
            except TypeError:  # more levels than are written
                break
    raise ValueError("there is no JSON object in it")


def _candidates(text: str) -> list[str]:
    braces = text[text.find("{") : text.rfind("}") + 1]
    return [text, *_FENCED.findall(text), braces]

"""Takes the `#:` comments above the fields of models into their schemas, so that they are written once."""

import inspect
import re
from functools import cache
from typing import Any

from pydantic import BaseModel

_FIELD = re.compile(r"^    (\w+)\s*:")


def describe_fields(schemas: dict[str, Any]) -> dict[str, Any]:
    """The same schemas, their properties described where the source has a comment and the schema nothing."""
    models = {model.__name__: model for model in _all_models(BaseModel)}
    for name, schema in schemas.items():
        model = models.get(name)
        if model is None:
            continue
        for field, text in _comments(model).items():
            if (shown := schema.get("properties", {}).get(field)) is not None:
                shown.setdefault("description", text)
    return schemas


def _all_models(base: type[BaseModel]) -> list[type[BaseModel]]:
    found = [base]
    for model in base.__subclasses__():
        found += _all_models(model)
    return found


@cache
def _comments(model: type[BaseModel]) -> dict[str, str]:
    """Field to comment, those of base classes included."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if one is not BaseModel and issubclass(one, BaseModel):
            found |= _own_comments(one)
    return found


def _own_comments(model: type[BaseModel]) -> dict[str, str]:
    try:
        lines = inspect.getsource(model).splitlines()
    except (OSError, TypeError):  # made at run time, or installed without its source
        return {}
    found: dict[str, str] = {}
    comment: list[str] = []
    for line in lines:
        text = line.strip()
        if text.startswith("#:"):
            comment.append(text[2:].strip())
        else:
            if comment and (field := _FIELD.match(line)):
                found[field[1]] = " ".join(comment)
            comment = []
    return found

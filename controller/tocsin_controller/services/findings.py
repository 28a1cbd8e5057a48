"""What pydantic found wrong, in the words of the API. Never the value itself: it may be a secret."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from tocsin_shared.errors import FieldError, InvalidInput

#: More findings than this help nobody.
MOST_DETAILS = 50


def invalid(error: ValidationError, sent: Any) -> InvalidInput:
    """The findings about what was sent, addressed as in the request."""
    found = error.errors(include_url=False, include_input=False, include_context=True)[:MOST_DETAILS]
    details = [FieldError(_where(e["loc"], sent), _why(e)) for e in found]
    first = details[0]
    return InvalidInput(f"{first.field}: {first.reason}" if first.field else first.reason, details=details)


def _where(path: Sequence[int | str], sent: Any) -> str:
    """`task.command`: what pydantic adds to the path (the tags of unions) is not in what was sent."""
    parts: list[str] = []
    current = sent
    for position, part in enumerate(path):
        is_last = position == len(path) - 1
        if part == "[key]":
            continue
        known, inner = _descend(current, part)
        is_union_tag = isinstance(current, Mapping) and current.get("type") == part
        if not known and (is_union_tag or not is_last) and current is not None:
            continue
        current = inner if known else current
        parts.append(str(part))
    return ".".join(parts).encode("ascii", "backslashreplace").decode()[:500]


def _descend(value: Any, part: int | str) -> tuple[bool, Any]:
    """Whether the value has this part, and the part."""
    if isinstance(value, Mapping) and part in value:
        return True, value[part]
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return True, value[part]
    return False, None


def _why(found: Any) -> str:
    """One reason in plain words."""
    kind, context = found["type"], found.get("ctx", {})
    if kind == "extra_forbidden":
        return "is not a known field"
    if plain := _PLAIN.get(kind):
        return plain.format_map(_Context(context))
    text: str = found["msg"]
    text = text.removeprefix("Value error, ").removeprefix("Input ").removeprefix("Value ")
    text = text.replace("should ", "must ", 1) if text.startswith("should ") else text
    return f"{text} (as a name)" if found["loc"] and found["loc"][-1] == "[key]" else text


class _Context(dict[str, Any]):
    """Lets a sentence do without what pydantic did not tell."""

    def __missing__(self, key: str) -> str:
        return "?"


_PLAIN = {
    "missing": "is required",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "uuid_parsing": "must be a UUID",
    "uuid_type": "must be a UUID",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "union_tag_not_found": "needs a `type`",
    "union_tag_invalid": "has an unknown type; the known ones are {expected_tags}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} items",
    "string_pattern_mismatch": "has characters that are not allowed here (pattern {pattern})",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "greater_than": "must be more than {gt}",
    "less_than": "must be less than {lt}",
    "timezone_aware": "needs an offset, such as a final Z",
    "datetime_type": "must be an instant such as 2026-01-31T08:30:00Z",
    "datetime_parsing": "must be an instant such as 2026-01-31T08:30:00Z",
    "datetime_from_date_parsing": "must be an instant such as 2026-01-31T08:30:00Z",
    "none_required": "must be null",
    "finite_number": "must be a finite number",
}

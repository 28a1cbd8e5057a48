"""What pydantic found wrong, in the words of the API."""

from typing import Any

from pydantic import ValidationError

from tocsin_shared.errors import FieldError, InvalidInput


def invalid(error: ValidationError) -> InvalidInput:
    """Pydantic's findings in the words of the API."""
    details = [FieldError(_where(e), _why(e)) for e in error.errors(include_url=False)[:50]]
    first = details[0]
    return InvalidInput(f"{first.field}: {first.reason}" if first.field else first.reason, details=details)


_TAGS = frozenset(
    {"shell", "http", "custom", "noop", "cron", "interval", "one_shot", "on_demand", "local", "agent", "any",
     "tagged", "all", "started", "output", "result", "function-before[_normalise()]"}
)  # fmt: skip


def _where(found: Any) -> str:
    """`task.command`: the union's tags that pydantic adds to the path are left out."""
    parts: list[str] = []
    previous = ""
    for part in found["loc"]:
        text = str(part)
        if not (previous in ("task", "schedule", "target") and text in _TAGS) and not text.startswith(
            "function-"
        ):
            parts.append(text)
        previous = text
    return ".".join(parts)


def _why(found: Any) -> str:
    match found["type"]:
        case "extra_forbidden":
            return "unknown field"
        case "missing":
            return "is required"
        case _:
            text: str = found["msg"]
            return text.removeprefix("Value error, ")

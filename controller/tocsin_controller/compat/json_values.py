"""JSON that clients of facades send, also within text: only what can be kept, and shown again. Pure."""

from typing import Any

from tocsin_controller.api.body import check_storable
from tocsin_shared.errors import MalformedBody
from tocsin_shared.wire import dumps


def check_json(value: Any) -> None:
    """Raises MalformedBody, InvalidInput: nested too deeply, NUL, half characters, numbers beyond 64 bits."""
    check_storable(value)
    try:
        dumps(value)
    except TypeError as error:
        raise MalformedBody(f"the body is not acceptable JSON: {str(error)[:200]}") from None

"""What would be a reference to a variable or a param here, and is text elsewhere."""

import re
from typing import Any, Final

#: Where a reference begins.
_REFERENCE: Final = re.compile(r"\{\{(?=(?:params\.)?[A-Za-z0-9_]+\}\})")


def as_text(value: Any) -> Any:
    """A text, or all texts of a value, in which such references stay text; the names of fields are none."""
    if isinstance(value, str):
        return _REFERENCE.sub("{{{{", value)
    if isinstance(value, dict):
        return {key: as_text(one) for key, one in value.items()}
    return [as_text(one) for one in value] if isinstance(value, list) else value

"""Errors about fields, by the names that other schedulers' clients have for these. Pure."""

from collections.abc import Mapping
from typing import Final

from tocsin_shared.errors import TocsinError

#: Of one error, in its sentence.
_MOST_FIELDS: Final = 20


def field_of_theirs(field: str, fields: Mapping[str, str]) -> str:
    """A field of ours as their clients call it, given where ours stand in their jobs."""
    for ours, theirs in fields.items():
        if field == ours or field.startswith(f"{ours}."):
            return theirs + field.removeprefix(ours)
    return field


def sentence_of(error: TocsinError, fields: Mapping[str, str]) -> str:
    """What is wrong with which field; else what the error says."""
    wrong = (f"{field_of_theirs(one.field, fields)}: {one.reason}" for one in error.details[:_MOST_FIELDS])
    return "; ".join(wrong) or str(error)

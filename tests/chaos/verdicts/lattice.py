"""What a verdict can say, and how several become one: false beats unknown beats true."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum


class Truth(IntEnum):
    """Ordered by weight."""

    TRUE = 0
    #: Nothing was seen that could have shown a violation.
    UNKNOWN = 1
    FALSE = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One verdict on one history."""

    verdict: str
    truth: Truth
    #: How many things were looked at.
    checked: int
    #: What was wrong, one sentence each; or why nothing is known.
    notes: tuple[str, ...] = ()


def found(verdict: str, checked: int, violations: Sequence[str], *, nothing: str = "") -> Finding:
    """False with violations; unknown when nothing could be looked at; else true."""
    if violations:
        return Finding(verdict, Truth.FALSE, checked, tuple(violations))
    if checked == 0:
        return Finding(verdict, Truth.UNKNOWN, 0, (nothing,) if nothing else ())
    return Finding(verdict, Truth.TRUE, checked)


def worst(truths: Iterable[Truth]) -> Truth:
    """Of several; unknown when there is none."""
    return max(truths, default=Truth.UNKNOWN)

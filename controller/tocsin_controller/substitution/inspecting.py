"""What references texts hold, found by filling them: what would fail then is known before anything is stored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tocsin_controller.substitution.references import ANY_VALUE, CannotPlace, ValueOf

#: Names that one task or connection may use.
MOST_NAMES: Final = 100


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A reference that no value can be put in for."""

    field: str
    why: str


def inspect_fields(
    fields: Mapping[str, Any],
    fill: Callable[[str, Any, ValueOf], object],
    *,
    of: str,
    check: Callable[[str], None] = lambda _: None,
) -> tuple[frozenset[str], list[Misplaced]]:
    """The names that are referred to, and what is wrong with where they stand.

    fill: fills the value of a field; raises CannotPlace.
    of: what has these fields, as errors name it.
    check: raises CannotPlace for a name that may not be used here.
    """
    names: set[str] = set()
    misplaced: list[Misplaced] = []

    def value_of(name: str) -> str:
        check(name)
        names.add(name)
        return ANY_VALUE

    for field, value in fields.items():
        try:
            fill(field, value, value_of)
        except CannotPlace as error:
            misplaced.append(Misplaced(f"{of}.{field}", str(error)))
    if len(names) > MOST_NAMES:
        misplaced.append(Misplaced(of, f"uses more than {MOST_NAMES} names"))
    return frozenset(names), misplaced

"""References to values: `{{NAME}}`, `{{params.NAME}}`, and how to write what only looks like one."""

import re
from collections.abc import Callable
from typing import Final

#: Without inner spaces; anything else between braces is text. Two more braces in front make a reference text, too.
REFERENCE: Final = re.compile(r"\{\{(?P<literal>\{\{)?(?P<name>(?:params\.)?[A-Za-z0-9_]+)\}\}")
PARAMS: Final = "params."

#: The value behind a name.
ValueOf = Callable[[str], str]


class AnyValue(str):
    """Stands for every value when a task is only looked at: it fits wherever some value does."""

    __slots__ = ()


class Scalar(str):
    """A number, `true` or `false`, and meant as one: a param that is no text."""

    __slots__ = ()


ANY_VALUE: Final = AnyValue("0")


class CannotPlace(Exception):
    """A value can't stand where the task wants it. The message names the reference and never holds the value."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{{{{{name}}}}} {why}")


def fill(
    template: str, value_of: ValueOf, encoded: Callable[[str, str], str] = lambda _, value: value
) -> str:
    """The template with every reference replaced, in one pass: what a value holds stays text.

    `encoded` gets name and value, and gives what is put in. Raises CannotPlace.
    """

    def replacement(found: re.Match[str]) -> str:
        name = found["name"]
        return as_text(name) if found["literal"] else encoded(name, value_of(name))

    return REFERENCE.sub(replacement, template)


def as_text(name: str) -> str:
    """What stands in the task when the reference was only to be shown."""
    return f"{{{{{name}}}}}"

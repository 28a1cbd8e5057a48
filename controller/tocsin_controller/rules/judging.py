"""What output rules say about one result. Pure: bytes in, findings out; no database, no clock, no network.

Everything is looked for in what the job itself printed: rules do not see what other rules make of it.
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from tocsin_controller.rules.paths import BadPath, json_path
from tocsin_controller.rules.patterns import BadPattern, text_pattern
from tocsin_shared.output_rules import Extraction, ExtractionType, OutputRules
from tocsin_shared.variables import MAX_VALUE_BYTES
from tocsin_shared.wire import storable

#: Longer values are not taken: a part of a value is worse than none.
LONGEST_VALUE_BYTES: Final = MAX_VALUE_BYTES


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found."""

    #: Values by the name of their rule; those that were not there are not here.
    extracted: dict[str, str]
    #: Messages of the assertions that did not hold.
    failed: tuple[str, ...] = ()
    #: Which triggers matched, by their place in the list.
    matched: tuple[int, ...] = ()
    #: Rules that could not be applied: their name and why. Never what the output said.
    problems: tuple[tuple[str, str], ...] = ()


def judge(rules: OutputRules, stdout: bytes, stderr: bytes, *, is_success: bool) -> Verdict:
    """Apply the rules to one result. Assertions are about successes only."""
    extracted: dict[str, str] = {}
    problems: list[tuple[str, str]] = []
    document = _Document(stdout)
    for rule in rules.extractions:
        try:
            value = _extract(rule, stdout, document)
        except (BadPath, BadPattern, _NoJson, _TooLong) as error:
            if is_success or not isinstance(error, _NoJson):  # a failure seldom prints what a success does
                problems.append((rule.name, str(error)))
            continue
        if value is not None:
            extracted[rule.name] = value
    failed = tuple(
        assertion.message or f"the output does not have '{assertion.pattern}'"
        for assertion in (rules.assertions if is_success else [])
        if not _has(assertion.pattern, stdout)
    )
    matched = tuple(
        place
        for place, trigger in enumerate(rules.triggers)
        if _has(trigger.pattern, stdout) or _has(trigger.pattern, stderr)
    )
    return Verdict(extracted, failed, matched, tuple(problems))


class _NoJson(ValueError):
    """A path was given, but stdout is not one JSON document."""


class _TooLong(ValueError):
    """The value is longer than what is kept."""


class _Document:
    """The stdout as JSON, read when it is first needed."""

    def __init__(self, stdout: bytes) -> None:
        self._stdout = stdout
        self._value: Any = None
        self._is_read = False

    def value(self) -> Any:
        """Raises _NoJson."""
        if not self._is_read:
            try:
                self._value = orjson.loads(self._stdout)
            except orjson.JSONDecodeError:
                raise _NoJson("stdout is not one JSON document") from None
            self._is_read = True
        return self._value


def _extract(rule: Extraction, stdout: bytes, document: _Document) -> str | None:
    if rule.type is ExtractionType.JSONPATH:
        nodes = json_path(rule.pattern).select(document.value())
        value = _text(nodes[0] if len(nodes) == 1 else nodes or None)
    else:
        found = text_pattern(rule.pattern).search(stdout)
        value = found.value if found is not None else None
    if value is None:
        return None
    if len(value) > LONGEST_VALUE_BYTES:
        raise _TooLong(f"the value has {len(value)} bytes, more than {LONGEST_VALUE_BYTES}")
    return storable(value.decode("utf-8", "replace"))


def _text(value: Any) -> bytes | None:
    """Text as it is, nothing for null, JSON for everything else."""
    if value is None:
        return None
    return value.encode() if isinstance(value, str) else orjson.dumps(value)


def _has(pattern: str, text: bytes) -> bool:
    try:
        return text_pattern(pattern).search(text) is not None
    except BadPattern:
        return False  # it was checked when the job was saved

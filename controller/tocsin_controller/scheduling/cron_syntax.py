"""Reads cron expressions: six fields `sec min hour dom month dow`, five without the seconds, or a macro.

Accepted in every field: `*`, `a`, `a-b`, lists of these, and a step after each; names for months and weekdays
in any case; ranges that wrap around (`FRI-MON`, `22-2`). `a/n` runs from a to the end of the field. Day of
month also takes `?`, `L`, `LW` and `15W`; day of week takes `?`, `5L` (or `L5`), `5#2`, and 7 for Sunday.

`H` stands for a value of the field that is worked out from the job's name, so that jobs spread over the hour or the
night: `H`, `H(0-29)`, `H/15` (from a start below 15), `H(9-17)/2`. As in Jenkins, days of the month are 1 to 28. `~`
and `~/15` are Dkron's way to say the same, with Dkron's values. Which job it is is told by `key`.

croniter gives the value ranges and names and expands plain ranges. The rest is ours, because croniter 7.0

- reads `5-5` as the whole field (here: 5 alone),
- loses values of a wrapping range with a step (`6-1/2` lacks Monday),
- runs `31W` on the 30th of shorter months (here: those months have none),
- refuses `LW`, `5L`, `W` in a list, and `#` beside other weekdays,
- takes `#` together with a day of the month as "both" instead of "either",
- accepts `R`, a random value drawn anew each time it is parsed,
- does not say where in the text the mistake is.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from croniter import CroniterError, croniter
from croniter.croniter import DOW_ALPHAS, M_ALPHAS

from tocsin_controller.scheduling.cron import CronExpression, DayRule
from tocsin_controller.scheduling.spreading import number_for

MACROS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}

# ASCII, because in Unicode `ſ` is a small S and `٣` a digit.
_FLAGS = re.ASCII | re.IGNORECASE
_PLAIN = re.compile(
    r"(?P<low>\*|[0-9]+|[A-Z]+)(?:-(?P<high>[0-9]+|[A-Z]+))?(?:/(?P<step>[0-9]{1,9}))?", _FLAGS
)
_NEAREST_WEEKDAY = re.compile(r"([0-9]+)W", _FLAGS)
_LAST_OF_WEEKDAY = re.compile(r"L([0-9]+|[A-Z]{3})|([0-9]+|[A-Z]{3})L", _FLAGS)
_NTH_WEEKDAY = re.compile(r"(?P<weekdays>[0-9A-Z]+(?:-[0-9A-Z]+)?)#(?P<nth>[0-9]{1,9})", _FLAGS)
_HASHED = re.compile(
    r"(?:H(?:\((?P<low>[0-9]{1,9})-(?P<high>[0-9]{1,9})\))?|(?P<dkron>~))(?:/(?P<step>[0-9]{1,9}))?", _FLAGS
)
_RANDOM = re.compile(r"R(?:\(.*\))?(?:/.*)?", _FLAGS)
_QUOTED_CHARS = 40


class CronError(ValueError):
    """An expression can't be read. The message is one sentence that says where and why."""

    def __init__(self, reason: str, *, column: int, field: "_Field | None" = None, number: int = 0) -> None:
        place = f"{field.name} (field {number}, column {column})" if field else f"column {column}"
        super().__init__(f"{place}: {reason}")
        #: Of the offending text, counted from 1 in the expression as it was written.
        self.column = column
        #: Of the offending field, counted from 1 as written; 0 when the mistake is in no single field.
        self.field_number = number


@dataclass(frozen=True)
class _Field:
    name: str
    #: Its place in croniter's order, where seconds come last.
    index: int
    names: dict[str, int]

    @property
    def lowest(self) -> int:
        return croniter.RANGES[self.index][0]

    @property
    def highest(self) -> int:
        return croniter.RANGES[self.index][1]


_SECOND = _Field("second", 5, {})
_MINUTE = _Field("minute", 0, {})
_HOUR = _Field("hour", 1, {})
_DAY = _Field("day of month", 2, {})
_MONTH = _Field("month", 3, {name.upper(): number for name, number in M_ALPHAS.items()})
_WEEKDAY = _Field("day of week", 4, {name.upper(): number for name, number in DOW_ALPHAS.items()})
_FIELDS = (_SECOND, _MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)
_SUNDAY_AS_7 = 7


@lru_cache(maxsize=20_000)
def parse(text: str, key: str = "") -> CronExpression:
    """The expression in `text`, of the job called `key`.

    Raises CronError; results are cached, so a repeat costs a lookup.
    """
    if macro := MACROS.get(text.strip().lower()):
        return parse(macro)
    words = [(match.group(), match.start() + 1) for match in re.finditer(r"\S+", text, re.ASCII)]
    _check_word_count(text, words)
    offset = len(_FIELDS) - len(words)
    readers = [
        _Reader(field, number, word, column, key)
        for number, (field, (word, column)) in enumerate(zip(_FIELDS[offset:], words, strict=True), start=1)
    ]
    if offset:
        readers.insert(0, _Reader(_SECOND, 0, "0", 0, key))
    second, minute, hour, day, month, weekday = readers
    return CronExpression(
        seconds=second.plain_bits(),
        minutes=minute.plain_bits(),
        hours=hour.plain_bits(),
        day_rule=_day_rule(day, weekday),
        months=month.plain_bits(),
        is_elapsed=minute.is_every or hour.is_every,
    )


@lru_cache(maxsize=20_000)
def depends_on_name(text: str) -> bool:
    """Whether the expression has a value that is worked out from the job's name."""
    return any(_HASHED.fullmatch(item) for word in text.split() for item in word.split(","))


def _check_word_count(text: str, words: list[tuple[str, int]]) -> None:
    if not words:
        raise CronError("the expression is empty", column=1)
    first, column = words[0]
    if first.startswith("@"):
        known = ", ".join(MACROS)
        raise CronError(f"{_quote(text.strip())} is none of the macros {known}", column=column)
    if len(words) > 6:
        extra, column = words[6]
        raise CronError(
            f"{_quote(extra)} is one field too many, six end with the day of week (years are not supported)",
            column=column,
        )
    if len(words) < 5:
        raise CronError(
            f"{_quote(text.strip())} has {len(words)} of the five or six fields that are needed",
            column=len(text.rstrip()) + 1,
        )


def _day_rule(day: "_Reader", weekday: "_Reader") -> DayRule:
    days = last_day = last_weekday = weekdays = 0
    nearest: set[int] = set()
    nth: set[tuple[int, int]] = set()
    last_of: set[int] = set()
    for item, column in day.items():
        if item.upper() == "L":
            last_day = 1
        elif item.upper() == "LW":
            last_weekday = 1
        elif match := _NEAREST_WEEKDAY.fullmatch(item):
            nearest.add(day.value(match[1], column))
        else:
            days |= _bits(day.plain(item, column))
    for item, column in weekday.items():
        if match := _LAST_OF_WEEKDAY.fullmatch(item):
            last_of.add(weekday.value(match[1] or match[2], column))
        elif match := _NTH_WEEKDAY.fullmatch(item):
            nth.update(weekday.nth_weekdays(match, column))
        else:
            weekdays |= _bits(weekday.plain(item, column))
    return DayRule(
        days=days,
        last_day=bool(last_day),
        last_weekday=bool(last_weekday),
        nearest_weekdays=frozenset(nearest),
        weekdays=weekdays,
        nth_weekdays=frozenset(nth),
        last_of_weekdays=frozenset(last_of),
        any_day=day.text in ("*", "?"),
        any_weekday=weekday.text in ("*", "?"),
    )


@dataclass(frozen=True)
class _Reader:
    """Reads one field and knows where it stands."""

    field: _Field
    number: int
    text: str
    column: int
    #: The job's name, for hashed values.
    key: str

    @property
    def is_every(self) -> bool:
        return self.text.startswith("*") or self.plain_bits().bit_count() == len(self._whole())

    def items(self) -> list[tuple[str, int]]:
        """The parts between commas, each with its column. A bare `?` is read as `*`."""
        if self.text == "?" and self.field in (_DAY, _WEEKDAY):
            return [("*", self.column)]
        items, column = [], self.column
        for item in self.text.split(","):
            items.append((item, column))
            column += len(item) + 1
        return items

    def plain_bits(self) -> int:
        bits = 0
        for item, column in self.items():
            bits |= _bits(self.plain(item, column))
        return bits

    def plain(self, item: str, column: int) -> list[int]:
        """The values of `*`, a value or a range, with or without a step, in running order."""
        if hashed := _HASHED.fullmatch(item):
            return self._hashed(hashed, column)
        match = _PLAIN.fullmatch(item)
        if match is None or (match["low"] == "*" and match["high"]):
            raise self._error(self._why_unreadable(item), column)
        step = int(match["step"] or 1)
        if step == 0:
            raise self._error(f"the step of {_quote(item)} is zero", column + match.start("step"))
        if match["low"] == "*":
            return self._whole()[::step]
        low = self.value(match["low"], column)
        if match["high"]:
            self.value(match["high"], column + match.start("high"))
            values = self._range(match["low"], match["high"])
        else:
            values = list(range(low, self.field.highest + 1)) if match["step"] else [low]
        return values[::step]

    def _hashed(self, match: re.Match[str], column: int) -> list[int]:
        """One value for the job's name, or every so many from one."""
        low, high = self.field.lowest, 28 if self.field is _DAY else self.field.highest
        if match["low"] is not None:
            low = self._bound(match, "low", column)
            high = self._bound(match, "high", column)
            if low > high:
                raise self._error(f"{_quote(match.group())} ends before it begins", column)
        size, number = high - low + 1, self._number(is_dkron=match["dkron"] is not None)
        if match["step"] is None:
            return [low + number % size]
        step = int(match["step"])
        if not 1 <= step <= size:
            raise self._error(
                f"the step of {_quote(match.group())} is not from 1 to {size}", column + match.start("step")
            )
        return list(range(low + number % size % step, high + 1, step))

    def _number(self, *, is_dkron: bool) -> int:
        return sum(map(ord, self.key)) if is_dkron else number_for(self.key, self.field.name)

    def _bound(self, match: re.Match[str], end: str, column: int) -> int:
        value = int(match[end])
        if not self.field.lowest <= value <= self.field.highest:
            raise self._error(
                f"{_quote(match[end])} is outside {self.field.lowest}-{self.field.highest}",
                column + match.start(end),
            )
        return value

    def nth_weekdays(self, match: re.Match[str], column: int) -> list[tuple[int, int]]:
        nth = int(match["nth"])
        if not 1 <= nth <= 5:
            raise self._error(
                f"{_quote(match['nth'])} is not an occurrence from 1 to 5", column + match.start("nth")
            )
        return [(weekday, nth) for weekday in self.plain(match["weekdays"], column)]

    def value(self, text: str, column: int) -> int:
        """The number that a number or a name stands for; Sunday is 0."""
        if text.isdigit():
            highest = _SUNDAY_AS_7 if self.field is _WEEKDAY else self.field.highest
            # Compared by length first: int() of a long run of digits is slow, and refused beyond 4300.
            if len(text) > 9 or not self.field.lowest <= int(text) <= highest:
                raise self._error(f"{_quote(text)} is outside {self.field.lowest}-{highest}", column)
            return int(text) % _SUNDAY_AS_7 if self.field is _WEEKDAY else int(text)
        if text.upper() not in self.field.names:
            raise self._error(self._why_unreadable(text), column)
        return self.field.names[text.upper()]

    def _range(self, low: str, high: str) -> list[int]:
        """`low` to `high`, both already checked."""
        if self.field is _WEEKDAY and (low, high) == ("0", "7"):
            return [*self._whole(), 0]
        first, last = self.value(low, 0), self.value(high, 0)
        if first == last:
            return [first]
        fields = ["*"] * len(_FIELDS)
        fields[_FIELDS.index(self.field)] = f"{first}-{last}"
        try:
            expanded, _ = croniter.expand(" ".join(fields), second_at_beginning=True)
        except CroniterError as error:  # pragma: no cover - both ends were checked above
            raise self._error(str(error), self.column) from error
        # croniter sorts, so a range that wraps around is turned back to begin at its first value: a step
        # counts from there. A range over all values comes back as `*`.
        values = sorted(value for value in expanded[self.field.index] if isinstance(value, int))
        values = values or self._whole()
        start = values.index(first)
        return values[start:] + values[:start]

    def _whole(self) -> list[int]:
        return list(range(self.field.lowest, self.field.highest + 1))

    def _why_unreadable(self, item: str) -> str:
        quoted = _quote(item)
        if not item:
            return "there is nothing between the commas" if "," in self.text else "the field is empty"
        if _RANDOM.fullmatch(item):
            return f"{quoted} is a random value, drawn anew each time; use H for one that stays"
        if "?" in item:
            return f"{quoted} is not allowed, `?` stands alone and only for the day of month or of week"
        if self.field.names and item.isalpha():
            return f"{quoted} is none of {', '.join(self.field.names)}"
        return f"{quoted} is not a value, range or step"

    def _error(self, reason: str, column: int) -> CronError:
        return CronError(reason, column=column, field=self.field, number=self.number)


def _bits(values: list[int]) -> int:
    bits = 0
    for value in values:
        bits |= 1 << value
    return bits


def _quote(text: str) -> str:
    shown = text if len(text) <= _QUOTED_CHARS else text[: _QUOTED_CHARS - 1] + "…"
    return f"'{shown}'"

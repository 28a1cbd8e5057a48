"""Refuses timings that can't be read or would never be due, before they are stored."""

from datetime import datetime

from tocsin_controller.scheduling.calendar_days import SEARCH_YEARS
from tocsin_controller.scheduling.cron_syntax import CronError, parse
from tocsin_controller.scheduling.fires import LAST_FIRE, next_fire
from tocsin_controller.scheduling.timing import Calendar, Cron, Every, Once, OnDemand, Timing
from tocsin_controller.scheduling.zones import UnknownZone, load_zone
from tocsin_shared.errors import FieldError, InvalidInput


def check_timing(timing: Timing, *, now: datetime) -> None:
    """Raises InvalidInput when a new or changed timing has a mistake or nothing to come.

    Not for a timing that stays as it is: a job whose window has closed may still be renamed. A `one_shot` in
    the past is fine, it is due at once.
    """
    errors = mistakes(timing) or _nothing_to_come(timing, now)
    if errors:
        raise refusal(errors)


def mistakes(timing: Timing) -> list[FieldError]:
    """What is wrong with a timing whatever the time is: unreadable, contradictory or impossible."""
    return [*_zone_mistakes(timing), *_rule_mistakes(timing), *_window_mistakes(timing)]


def refusal(errors: list[FieldError]) -> InvalidInput:
    """The error that names every one of `errors`."""
    return InvalidInput("; ".join(f"{e.field}: {e.reason}" for e in errors), details=errors)


def _zone_mistakes(timing: Timing) -> list[FieldError]:
    try:
        load_zone(timing.timezone)
    except UnknownZone as error:
        return [FieldError("timezone", str(error))]
    return []


def _rule_mistakes(timing: Timing) -> list[FieldError]:
    match timing.rule:
        case Cron(expression, key):
            try:
                parsed = parse(expression, key)
            except CronError as error:
                return [FieldError("schedule.value", str(error))]
            if not parsed.is_possible:
                return [FieldError("schedule.value", f"'{expression}' never comes: no month has such a day")]
        case Every(interval_secs) if interval_secs < 1:
            return [FieldError("schedule.value.interval_secs", "must be at least 1")]
        case Once(at) if timing.starts_at is not None and at < timing.starts_at:
            return [FieldError("schedule.value", f"{_iso(at)} is before starts_at, so it would never be due")]
        case Once(at) if timing.expires_at is not None and at > timing.expires_at:
            return [FieldError("schedule.value", f"{_iso(at)} is after expires_at, so it would never be due")]
        case Once(at) if at > LAST_FIRE:
            return [FieldError("schedule.value", f"must not be later than {_iso(LAST_FIRE)}")]
    return []


def _window_mistakes(timing: Timing) -> list[FieldError]:
    starts_at, expires_at = timing.starts_at, timing.expires_at
    if starts_at is not None and expires_at is not None and expires_at <= starts_at:
        return [FieldError("expires_at", "must be later than starts_at")]
    return []


def _nothing_to_come(timing: Timing, now: datetime) -> list[FieldError]:
    expires_at = timing.expires_at
    if expires_at is not None and expires_at <= now:
        return [FieldError("expires_at", f"{_iso(expires_at)} has already passed")]
    if isinstance(timing.rule, (Once, OnDemand)) or next_fire(timing, now) is not None:
        return []
    if expires_at is not None:
        return [FieldError("expires_at", f"the schedule is not due once before {_iso(expires_at)}")]
    if isinstance(timing.rule, Calendar):
        return [FieldError("schedule.value", f"the schedule is not due once within {SEARCH_YEARS} years")]
    return [FieldError("schedule.value", "the schedule is not due once before the year 10000")]


def _iso(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")

"""Instants from the API as people read them: local time with the distance from now."""

from datetime import UTC, datetime

from tocsin_cli.durations import format_age, format_duration


def parse_instant(text: str) -> datetime:
    """An RFC 3339 instant of the API."""
    return datetime.fromisoformat(text)


def utc_now() -> datetime:
    """The present instant; the one place that asks the clock."""
    return datetime.now(UTC)


def local_time(text: str | None, *, seconds: bool = True) -> str:
    """`2026-03-01 14:05:09` in this machine's time zone; `-` for none."""
    if not text:
        return "-"
    return parse_instant(text).astimezone().strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def age(text: str | None, now: datetime | None = None) -> str:
    """`5m ago`, `in 2h`; `-` for none."""
    if not text:
        return "-"
    return format_age(((now or utc_now()) - parse_instant(text)).total_seconds())


def time_and_age(text: str | None, now: datetime | None = None) -> str:
    """`2026-03-01 14:05:09 (5m ago)`; `-` for none."""
    return f"{local_time(text)} ({age(text, now)})" if text else "-"


def duration_between(start: str | None, end: str | None, now: datetime | None = None) -> str:
    """How long something took, or has taken so far; `-` when it has not started."""
    if not start:
        return "-"
    until = parse_instant(end) if end else (now or utc_now())
    return format_duration((until - parse_instant(start)).total_seconds())

"""Instants as Dkron writes them. Pure."""

from datetime import UTC, datetime, tzinfo


def write_instant(value: datetime | None, zone: tzinfo = UTC) -> str | None:
    """In that zone, without the zeros at the end of a fraction."""
    return None if value is None else written(value.astimezone(zone))


def written(value: datetime) -> str:
    """As it is, in its own zone."""
    text = value.replace(tzinfo=None).isoformat()
    offset = value.isoformat()[len(text) :]
    if "." in text:
        text = text.rstrip("0")
    return text + ("Z" if offset == "+00:00" else offset)


def nanoseconds(value: datetime) -> int:
    """Since 1970."""
    since = value.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000

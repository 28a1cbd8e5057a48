"""Ids short enough for a table on a terminal, and long enough to be typed back."""

from collections.abc import Iterable

#: Time in milliseconds; plus 12 random bits; plus 14 more; all of it. (Before the dashes of a UUIDv7.)
_LENGTHS = (13, 18, 23, 36)


def shortener(ids: Iterable[str]) -> int:
    """The length to which these ids can be cut so that they still differ."""
    different = set(ids)
    return next(n for n in _LENGTHS if n == 36 or len({one[:n] for one in different}) == len(different))

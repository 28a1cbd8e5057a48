"""How wide each column of a table gets on a terminal that is too narrow for all of them."""

from collections.abc import Sequence

#: Below this a column says nothing any more.
LEAST = 8


def least_width(widths: Sequence[int], is_kept: Sequence[bool]) -> int:
    """Below this sum `fit_columns` can't go."""
    return sum(width if kept else min(width, LEAST) for width, kept in zip(widths, is_kept, strict=True))


def fit_columns(widths: Sequence[int], is_kept: Sequence[bool], available: int) -> list[int]:
    """Widths that add up to what is available, if that is possible: the widest columns give way first.

    >>> fit_columns([10, 40, 25, 4], [True, False, False, True], 50)
    [10, 18, 18, 4]
    """
    fitted = list(widths)
    while sum(fitted) > available:
        shrinkable = [i for i, width in enumerate(fitted) if not is_kept[i] and width > LEAST]
        if not shrinkable:
            break
        widest = max(fitted[i] for i in shrinkable)
        level = max((fitted[i] for i in shrinkable if fitted[i] < widest), default=LEAST)
        giving = [i for i in shrinkable if fitted[i] == widest]
        too_much = sum(fitted) - available
        # As one step lower for all of the widest, but no further than needed.
        step = min(widest - max(level, LEAST), -(-too_much // len(giving)))
        for i in giving:
            fitted[i] -= step
    return fitted

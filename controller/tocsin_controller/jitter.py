"""Waits that are not all of the same length, so that controllers do not come all at once."""

import random


def jittered(secs: float) -> float:
    """About so long: ±20 %."""
    return secs * random.uniform(0.8, 1.2)  # noqa: S311  no secret

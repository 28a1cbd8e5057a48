"""Turning a driver's errors into a sentence about what was being done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tocsin_agent.tasks.driving import driver_failed


@contextmanager
def telling(doing: str, why: Callable[[Exception], object | None]) -> Iterator[None]:
    """`why` gives what an error means; None: it is none of the driver's, and passes. Raises TaskFailed."""
    try:
        yield
    except Exception as error:
        meaning = why(error)
        if meaning is None:
            raise
        raise driver_failed(doing, meaning) from None

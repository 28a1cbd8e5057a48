"""When the test machine itself stood still: nobody promises to be on time then, so that time is not counted."""

import asyncio
import time

from tests.chaos.history import Fault, History

STALL = "machine_stalled"
_LOOK_SECS = 0.1
#: A busy machine is late by less.
_LATE_SECS = 1.0


async def watch(faults: list[Fault]) -> None:
    """Note each time in which not even this loop could run, until cancelled."""
    while True:
        before, began_ns = time.monotonic(), time.time_ns()
        await asyncio.sleep(_LOOK_SECS)
        if time.monotonic() - before > _LOOK_SECS + _LATE_SECS:
            faults.append(Fault(STALL, "machine", began_ns, time.time_ns()))


def deadline_ns(history: History, from_ns: int, patience_ns: int) -> int:
    """The moment by which so much time has passed in which the machine ran."""
    deadline = from_ns + patience_ns
    for stall in sorted((f for f in history.faults if f.kind == STALL), key=lambda f: f.began_ns):
        if stall.ended_ns > from_ns and stall.began_ns < deadline:
            deadline += stall.ended_ns - max(stall.began_ns, from_ns)
    return deadline

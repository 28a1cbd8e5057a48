"""Takes elements from a list, so that none is lost when the agent dies before its result is durable.

They are moved, one by one and atomically, to a list of the execution's own beside the first one. That is deleted once
the result is in the journal, and moved back when the task fails or is cancelled.
"""

import asyncio
from typing import Literal

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.base import TaskContext
from tocsin_agent.tasks.driving import TaskFailed
from tocsin_agent.tasks.receiving import Printer
from tocsin_agent.tasks.redis.link import RedisLink, opened
from tocsin_agent.tasks.redis.server import RedisServer
from tocsin_shared.protocol import Assignment

End = Literal["LEFT", "RIGHT"]

#: At most so many elements are asked for at once.
_BATCH = 256
#: Less than a task that is stopped has to let go of its server.
_PUT_BACK_WITHIN_SECS = 4.0


async def pop(
    server: RedisServer,
    assignment: Assignment,
    context: TaskContext,
    printer: Printer,
    key: str,
    *,
    end: End,
) -> Outcome:
    """Print what is there, at most as much as is wanted; an empty list is a success without output."""
    taken = Taken(server, key, f"{key}:tocsin:{assignment.execution_id}", end)
    link = await opened(server)
    try:
        await taken.take(link, printer)
    except BaseException:
        # Its answers may still be under way: others would be taken for them.
        await link.close()
        await _put_back(taken, printer)
        raise

    async def forget() -> None:
        try:
            await link.ask("DEL", taken.aside)
        finally:
            await link.close()

    async def put_back() -> None:
        await link.close()
        await _put_back(taken, printer)

    if printer.printed:
        context.after_journal(forget, put_back)
    else:
        await link.close()
    return Outcome.succeeded()


class Taken:
    """Elements of a list that lie aside."""

    def __init__(self, server: RedisServer, key: str, aside: str, end: End) -> None:
        self._server = server
        self._key = key
        self._end = end
        self.aside = aside
        #: Whether something may lie there.
        self.any = False

    async def take(self, link: RedisLink, printer: Printer) -> None:
        """Move and print elements."""
        largest = printer.room
        while not printer.is_done:
            # As many as surely fit into the output, or one at a time: what is answered here stands in memory.
            batch = max(min(_BATCH, printer.left, printer.room // (largest + 1)), 1)
            had, self.any = self.any, True
            answers = await link.ask_all([("LMOVE", self._key, self.aside, self._end, "RIGHT")] * batch)
            bodies = [body for body in answers if isinstance(body, bytes)]
            self.any = had or bool(bodies)
            link.refuse("LMOVE", answers)
            for done, body in enumerate(bodies):
                if not printer.take(body, {"key": self._key}):
                    await self._return(link, len(bodies) - done)
                    return
            if len(bodies) < batch:
                return
            largest = max(map(len, bodies))

    async def put_back(self) -> None:
        """All of it, over a connection of its own, to where and in the order in which it was."""
        if not self.any:
            return
        link = await opened(self._server)
        try:
            await self._return(link, await link.ask("LLEN", self.aside))
        finally:
            await link.close()
        self.any = False

    async def _return(self, link: RedisLink, count: int) -> None:
        while count > 0:
            batch = min(count, _BATCH)
            back = ("LMOVE", self.aside, self._key, "RIGHT", self._end)
            link.refuse("LMOVE", await link.ask_all([back] * batch))
            count -= batch


async def _put_back(taken: Taken, printer: Printer) -> None:
    try:
        async with asyncio.timeout(_PUT_BACK_WITHIN_SECS):
            await taken.put_back()
    except (TaskFailed, TimeoutError):
        printer.tell(f"What was taken could not be put back: it lies in the list '{taken.aside}'.")

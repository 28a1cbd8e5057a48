"""Threads for sinks that block: few, and of their own, so that a disk that hangs takes none of the controller's."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, ParamSpec, TypeVar

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")

#: What blocks longer than it is waited for keeps its thread meanwhile.
MOST: Final = 4


class Threads:
    """Calls at most so many at the same time; who has to wait for a thread leaves nothing behind when it gives up."""

    def __init__(self, name: str, most: int = MOST) -> None:
        self._pool = ThreadPoolExecutor(most, thread_name_prefix=name)
        self._free = asyncio.Semaphore(most)

    async def run(
        self, function: Callable[_Args, _Result], *args: _Args.args, **kwargs: _Args.kwargs
    ) -> _Result:
        """The function's result. Cancelled, it goes on in its thread, which is free once it has ended."""
        loop = asyncio.get_running_loop()

        def give_back(_: object) -> None:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(self._free.release)

        await self._free.acquire()
        called = self._pool.submit(function, *args, **kwargs)
        called.add_done_callback(give_back)
        return await asyncio.wrap_future(called)

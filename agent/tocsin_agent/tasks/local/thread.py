"""Where an execution's work with files happens: in a thread of its own, so that a slow disk holds up nobody else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import ParamSpec, TypeVar

from tocsin_agent.tasks.driving import TaskFailed
from tocsin_agent.tasks.local.account import CannotBe, account_named, become
from tocsin_shared.executions import Reason
from tocsin_shared.protocol import Assignment

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


class FileThread:
    """Calls one after the other, each to its end: what was begun when an execution is cancelled is not cut in two."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="files")

    async def run(
        self, function: Callable[_Args, _Result], *args: _Args.args, **kwargs: _Args.kwargs
    ) -> _Result:
        """The function's result, from the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: function(*args, **kwargs))

    @asynccontextmanager
    async def holding(
        self, take: Callable[[], _Result], release: Callable[[_Result], object]
    ) -> AsyncIterator[_Result]:
        """Something that has to be given back, in the thread; also when nobody waited for it any more."""
        taken = self._pool.submit(take)
        try:
            yield await asyncio.wrap_future(taken)
        finally:
            self._pool.submit(_given_back, taken, release)

    def end(self) -> None:
        """Nothing more is asked for. Does not wait."""
        self._pool.shutdown(wait=False)


@asynccontextmanager
async def file_thread(assignment: Assignment) -> AsyncIterator[FileThread]:
    """For one execution, as the account that its job runs as. Raises TaskFailed."""
    thread = FileThread()
    try:
        if assignment.run_as is not None:
            try:
                account = await thread.run(account_named, assignment.run_as)
                if account is not None:
                    await thread.run(become, account)
            except CannotBe as error:
                raise TaskFailed(Reason.SPAWN_FAILED, str(error)) from None
        yield thread
    finally:
        thread.end()


def _given_back(taken: "Future[_Result]", release: Callable[[_Result], object]) -> None:
    if not taken.cancelled() and taken.exception() is None:
        release(taken.result())

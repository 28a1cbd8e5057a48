"""Follows a run to its end: the output of all its executions, also of the retries that come up meanwhile."""

import asyncio
from contextlib import aclosing
from typing import Any

from tocsin_cli.client import Client, path_of
from tocsin_cli.failures import Missing, Unreachable
from tocsin_cli.output.logs import LogPrinter
from tocsin_cli.output.printer import Printer
from tocsin_cli.streaming import PATIENCE_SECS, follow

Json = dict[str, Any]

#: Between looks at a run whose executions all ended, or that has none yet.
_FIRST_LOOK_SECS = 0.1
_LATER_LOOK_SECS = 2.0


class RunFollower:
    """One run, from now to its end."""

    def __init__(self, api: Client, out: Printer, run_id: str) -> None:
        self._api = api
        self._out = out
        self._run_id = run_id
        self._logs = LogPrinter(out)
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._is_told_broken = False

    async def to_end(self) -> Json:
        """The run when it has ended, with its executions. Raises Failure."""
        try:
            return await self._follow()
        finally:
            for task in self._streams.values():
                task.cancel()
            await asyncio.gather(*self._streams.values(), return_exceptions=True)

    async def _follow(self) -> Json:
        look_secs = _FIRST_LOOK_SECS
        while True:
            run = await self._look()
            if self._start_streams(run):
                look_secs = _FIRST_LOOK_SECS
            open_streams = [task for task in self._streams.values() if not task.done()]
            if run["finished_at"] and not open_streams:
                return run
            if open_streams:
                done, _ = await asyncio.wait(
                    open_streams, timeout=look_secs, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    task.result()
            else:
                await asyncio.sleep(look_secs)
            look_secs = min(look_secs * 2, _LATER_LOOK_SECS)

    async def _look(self) -> Json:
        """The run as it stands; a controller that is away is waited for, as the streams do it."""
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + PATIENCE_SECS
        while True:
            try:
                run: Json = await self._api.get(path_of("runs", self._run_id))
            except Unreachable:
                if clock() > give_up_at:
                    raise
                self._tell_broken()
                await asyncio.sleep(_LATER_LOOK_SECS)
            else:
                return run

    def _start_streams(self, run: Json) -> bool:
        executions: list[Json] = run["executions"]
        if len(executions) > 1:
            for one in executions:
                self._logs.mark(one["id"], _mark_of(one))
        new = [one["id"] for one in executions if one["id"] not in self._streams]
        for execution_id in new:
            self._streams[execution_id] = asyncio.create_task(self._stream(execution_id))
        return bool(new)

    async def _stream(self, execution_id: str) -> None:
        await print_stream(self._api, self._logs, execution_id, on_break=self._tell_broken)

    def _tell_broken(self) -> None:
        if not self._is_told_broken and not self._out.is_json:
            self._out.note("(connection to the controller lost; connecting again)")
        self._is_told_broken = True


async def print_stream(
    api: Client, logs: LogPrinter, execution_id: str, *, on_break: Any = lambda: None
) -> Json:
    """Print an execution's output from its start until it has ended; what the stream says about the end."""
    import orjson

    path = path_of("executions", execution_id, "stream")
    async with aclosing(follow(api, path, on_break=on_break)) as events:
        async for event in events:
            if event.event == "done":
                end: Json = orjson.loads(event.data) if event.data else {}
                return end
            if event.event == "message":
                logs.line(execution_id, event.data)
    raise Missing(f"execution {execution_id} has no stream")


def _mark_of(execution: Json) -> str:
    host = str(execution.get("agent_name") or execution.get("agent_id") or "waiting")
    attempt = execution.get("attempt_number", 1)
    return f"{host} #{attempt}" if attempt > 1 else host

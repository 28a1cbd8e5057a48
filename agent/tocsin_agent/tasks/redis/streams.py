"""Reads the entries of a stream. They stay there."""

import json
from typing import Any

from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.tasks.receiving import Printer, receive, value_of
from tocsin_agent.tasks.redis.link import RedisLink, Word, opened
from tocsin_agent.tasks.redis.server import RedisServer
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import RedisReadTask
from tocsin_shared.wire import dumps

#: So many entries are asked for at once.
_BATCH = 100
_NEW_ONES = "$"


async def read_stream(
    server: RedisServer, assignment: Assignment, printer: Printer, task: RedisReadTask
) -> Outcome:
    """Print the entries after the one that the task names, or those that are added from now on."""
    link = await opened(server)
    reading = _Reading(link, printer, task)
    try:
        if task.after == _NEW_ONES:
            await reading.skip_to_the_end()
            outcome = await receive(assignment, printer, reading.wait_for_more)
        else:
            while not printer.is_done and await reading.more():
                pass
            outcome = Outcome.succeeded()
    finally:
        await link.close()
    printer.tell(f"Last id: {reading.last}")
    return outcome


class _Reading:
    def __init__(self, link: RedisLink, printer: Printer, task: RedisReadTask) -> None:
        self._link = link
        self._printer = printer
        self._key = task.key
        self._count = task.count or 1
        self._as_json = task.format == "json"
        self.last = task.after or "0"

    async def skip_to_the_end(self) -> None:
        """Take the id of the newest entry, so that none is missed between two questions."""
        newest = await self._link.ask("XREVRANGE", self._key, "+", "-", "COUNT", 1)
        self.last = newest[0][0].decode() if newest else "0"

    async def wait_for_more(self) -> None:
        """Print what comes next, whenever that is."""
        await self._read("BLOCK", 0)

    async def more(self) -> bool:
        """Print what there is; False when there is nothing."""
        return await self._read()

    async def _read(self, *how: Word) -> bool:
        count = min(self._count - self._printer.printed, _BATCH)
        answer = await self._link.ask("XREAD", "COUNT", count, *how, "STREAMS", self._key, self.last)
        for name, fields in answer[0][1] if answer else ():
            if self._printer.take_line(self._line(name.decode(), fields)):
                self.last = name.decode()
        return bool(answer)

    def _line(self, name: str, fields: list[bytes] | None) -> bytes:
        pairs = list(zip((fields or [])[::2], (fields or [])[1::2], strict=True))
        if not self._as_json:
            shown = {_shown(field): _shown(value) for field, value in pairs}
            return f"{name} {json.dumps(shown, ensure_ascii=False)}".encode()
        known: dict[str, Any] = {"id": name, "fields": {}}
        for field, value in pairs:
            coded = value_of(value)
            where = "fields" if "value" in coded else "fields_base64"
            known.setdefault(where, {})[_shown(field)] = next(iter(coded.values()))
        return dumps(known)


def _shown(text: bytes) -> str:
    return text.decode(errors="backslashreplace")

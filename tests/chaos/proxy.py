"""A TCP proxy between two parts that a scenario can make slow, silent, one-way or broken while it runs.

`up` is what the one who connected sends, `down` what it gets back.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Self

Side = Literal["up", "down"]
SIDES: tuple[Side, Side] = ("up", "down")
_CHUNK_BYTES = 64 * 1024


class Act(Enum):
    """What becomes of a piece of data."""

    PASS = "pass"
    #: It never arrives, and the connection with it: whoever sent it does not know.
    CUT = "cut"
    #: It never arrives, and the connection stays open.
    DROP = "drop"


#: Looks at each piece of data: connection number, side, bytes.
Rule = Callable[[int, Side, bytes], Act]


@dataclass(slots=True)
class Weather:
    """How the link is; may be changed at any moment."""

    delay_secs: float = 0.0
    #: Up to this much more, at random.
    jitter_secs: float = 0.0
    bytes_per_sec: float | None = None
    #: The chance of each piece of data to be lost together with its connection.
    cut_chance: float = 0.0


class Proxy:
    """Listens on a port of its own on 127.0.0.1 and forwards to the targets in turn, as a load balancer does."""

    def __init__(self, *ports: int, seed: int = 0) -> None:
        #: Ports on 127.0.0.1 that get new connections; one that does not answer is passed over.
        self.targets = list(ports)
        self._random = random.Random(seed)  # noqa: S311  repeatable on purpose
        self._server: asyncio.Server | None = None
        self._flows: dict[Side, asyncio.Event] = {side: asyncio.Event() for side in SIDES}
        self._budgets: dict[Side, int | None] = dict.fromkeys(SIDES)
        self._open: dict[int, list[asyncio.StreamWriter]] = {}
        self._ways: dict[int, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self._refuses = False
        self.weather = Weather()
        self.rules: list[Rule] = []
        #: Rules that stay when the link is healed.
        self.watchers: list[Rule] = []
        for flow in self._flows.values():
            flow.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        """Where to connect to."""
        if self._server is None:
            raise RuntimeError("the proxy is not running")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._open)

    def hang(self, *sides: Side) -> None:
        """Silence, as in a partition: connections stay open, new ones open too, nothing arrives on these sides."""
        for side in sides or SIDES:
            self._flows[side].clear()

    def cut(self) -> None:
        """End all connections with a reset."""
        for number in list(self._open):
            self._abort(number)

    def take_out(self, port: int) -> None:
        """Nothing goes to this target any more: what a balancer does when a health check fails."""
        self.targets = [target for target in self.targets if target != port]
        for number, way in list(self._ways.items()):
            if way == port:
                self._abort(number)

    def put_in(self, port: int) -> None:
        """New connections may go to this target (again)."""
        if port not in self.targets:
            self.targets.append(port)

    def refuse(self) -> None:
        """End all connections, and each new one as soon as it opens."""
        self._refuses = True
        self.cut()

    def cut_after(self, count: int, side: Side) -> None:
        """End the connection on which the so-manieth further byte of this side passes, before it arrives."""
        self._budgets[side] = count

    def heal(self) -> None:
        """Everything as on the first day. What hung arrives now, as after a partition."""
        self._refuses = False
        self.weather = Weather()
        self.rules.clear()
        for side in SIDES:
            self._budgets[side] = None
            self._flows[side].set()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        self._count += 1
        number = self._count
        far = await self._reach(number)
        if far is None:
            writer.transport.abort()
            return
        far_reader, far_writer = far
        self._open[number] = [writer, far_writer]
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(number, "up", reader, far_writer))
                pumps.create_task(self._pump(number, "down", far_reader, writer))
        except* OSError:
            pass
        finally:
            self._abort(number)

    async def _reach(self, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        targets = self.targets
        for turn in range(len(targets)):
            port = targets[(number + turn) % len(targets)]
            try:
                far = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            self._ways[number] = port
            return far
        return None

    async def _pump(
        self, number: int, side: Side, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            await self._flows[side].wait()
            await self._wait(len(data))
            await self._flows[side].wait()
            act = self._judge(number, side, data)
            if act is Act.CUT:
                self._abort(number)
                return
            if act is Act.DROP:
                continue
            writer.write(data)
            await writer.drain()
        await self._flows[side].wait()
        with suppress(OSError, RuntimeError):
            writer.write_eof()

    async def _wait(self, size: int) -> None:
        weather = self.weather
        secs = weather.delay_secs + weather.jitter_secs * self._random.random()
        if weather.bytes_per_sec:
            secs += size / weather.bytes_per_sec
        if secs:
            await asyncio.sleep(secs)

    def _judge(self, number: int, side: Side, data: bytes) -> Act:
        budget = self._budgets[side]
        if budget is not None:
            self._budgets[side] = budget - len(data)
            if budget <= len(data):
                self._budgets[side] = None
                return Act.CUT
        if self.weather.cut_chance and self._random.random() < self.weather.cut_chance:
            return Act.CUT
        for rule in [*self.watchers, *self.rules]:
            act = rule(number, side, data)
            if act is not Act.PASS:
                return act
        return Act.PASS

    def _abort(self, number: int) -> None:
        self._ways.pop(number, None)
        for writer in self._open.pop(number, []):
            writer.transport.abort()


class LoseAnswers:
    """Loses the next so many pieces that hold a pattern on their way down: what was asked for has happened."""

    def __init__(self, pattern: bytes, times: int = 1) -> None:
        self._pattern = pattern
        self._left = times
        self.lost = 0

    def __call__(self, number: int, side: Side, data: bytes) -> Act:
        if side == "down" and self._left > 0 and self._pattern in data:
            self._left -= 1
            self.lost += 1
            return Act.CUT
        return Act.PASS

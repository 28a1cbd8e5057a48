"""Shows that the agent lives, on a timer of its own: a parked poll or a busy job must not hide it."""

import asyncio
import os
import random
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from tocsin_agent.clock import Moment
from tocsin_agent.connecting.ordered import Trials
from tocsin_agent.contact import Contact
from tocsin_agent.executor import Executor
from tocsin_agent.intake import Intake
from tocsin_agent.link import ControllerLink, LinkError, Refused
from tocsin_shared.logs import log
from tocsin_shared.protocol import HeartbeatRequest, Held


class Heartbeat:
    """Beats every `every_secs` (±10 %)."""

    def __init__(
        self,
        link: ControllerLink,
        executor: Executor,
        contact: Contact,
        intake: Intake,
        trials: Trials,
        *,
        held: Callable[[], list[Held]],
        is_draining: Callable[[], bool],
        on_superseded: Callable[[], None],
        on_beat: Callable[[], None],
    ) -> None:
        self._link = link
        self._executor = executor
        self._contact = contact
        self._intake = intake
        self._trials = trials
        self._held = held
        self._is_draining = is_draining
        self._on_superseded = on_superseded
        #: Called after every try.
        self._on_beat = on_beat
        self._soon = asyncio.Event()
        self.every_secs = 10.0

    def beat_now(self) -> None:
        """Something changed that the controller should know soon."""
        self._soon.set()

    async def run(self, agent_id: UUID, incarnation: UUID) -> None:
        """Until cancelled."""
        while True:
            self._soon.clear()
            request = HeartbeatRequest(
                incarnation=incarnation,
                running=self._held(),
                draining=self._is_draining(),
                load=load_figures() | {"running": float(self._executor.running)},
                spool=self._intake.figures(),
                tried=self._trials.results(),
            )
            sent = Moment.now()
            try:
                answer = await self._link.heartbeat(agent_id, request)
                self._contact.acknowledged(sent)
                self._trials.told(request.tried)
                for stop in answer.stop:
                    self._executor.disown(stop)
                for cancel in answer.cancel:
                    self._executor.cancel(cancel)
            except LinkError as error:
                self._contact.failed()
                if isinstance(error, Refused) and error.is_superseded:
                    self._on_superseded()
                log.debug("heartbeat_failed", error=str(error))
            self._on_beat()
            try:
                async with asyncio.timeout(self.every_secs * random.uniform(0.9, 1.1)):  # noqa: S311  no secret
                    await self._soon.wait()
            except TimeoutError:
                pass


def load_figures() -> dict[str, float]:
    """How busy the host is."""
    total, available = _memory_kilobytes()
    return {
        "load1": os.getloadavg()[0],
        "cpus": float(os.cpu_count() or 1),
        "memory_used_percent": round((total - available) / total * 100, 1),
    }


def _memory_kilobytes() -> tuple[int, int]:
    """All there is, and how much of it programs could still have."""
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return int(lines["MemTotal"].split()[0]), int(lines["MemAvailable"].split()[0])

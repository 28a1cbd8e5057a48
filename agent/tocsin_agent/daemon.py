"""The agent: registers, takes work, runs it, reports it. Usable inside another process."""

import asyncio
import os
import platform
import socket
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import structlog

from tocsin_agent.executor import Executor
from tocsin_agent.heartbeat import Heartbeat
from tocsin_agent.identity import Identity, StateDir
from tocsin_agent.journal.journal import Journal
from tocsin_agent.journal.log import JournalError
from tocsin_agent.link import ControllerLink, LinkError, Refused, Unreachable
from tocsin_agent.poller import Poller
from tocsin_agent.retry import Backoff
from tocsin_agent.runtime.process import reap_orphans, set_subreaper
from tocsin_agent.tasks.registry import TaskRegistry
from tocsin_agent.uploader import Uploader
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import PROTOCOL_VERSION, RegisterRequest, RegisterResponse

log = structlog.get_logger(__name__)

#: Given to running jobs between SIGTERM and SIGKILL when a drain's time is over.
LAST_GRACE_SECS = 5.0
#: How long the last reports may take when the agent ends.
LAST_DELIVERY_SECS = 10.0
REAP_EVERY_SECS = 5.0
#: A name that belongs to another key may become free: try again, rarely.
NAME_TAKEN_PAUSE_SECS = 60.0


class Superseded(Exception):
    """A newer process of this agent has registered; this one has to end."""


class Agent:
    """One agent. `run` returns after `drain`; everything it accepted is in its state directory."""

    def __init__(
        self,
        *,
        link: ControllerLink,
        state_dir: Path,
        name: str,
        tags: Sequence[str] = (),
        capacity: int = 4,
        max_batch: int = 16,
        min_free_bytes: int = 64 * 1024 * 1024,
        enrolment_key: str | None = None,
    ) -> None:
        self._link = link
        self._state = StateDir(state_dir)
        self._name = name
        self._tags = list(tags)
        self._capacity = capacity
        self._max_batch = max_batch
        self._min_free_bytes = min_free_bytes
        self._enrolment_key = enrolment_key
        self._incarnation = new_id()
        self._registry = TaskRegistry()
        self._registered = asyncio.Event()
        self._must_register = asyncio.Event()
        self._stopping = asyncio.Event()
        self._finished = asyncio.Event()
        self._drain_secs = 0.0
        self._is_superseded = False
        self._executor: Executor | None = None

    @property
    def running(self) -> int:
        """Executions that run now."""
        return self._executor.running if self._executor else 0

    async def wait_until_registered(self) -> None:
        """Return once the controller knows this agent."""
        await self._registered.wait()

    async def drain(self, grace_secs: float) -> None:
        """Take no more work, let what runs finish for so long, end the rest, report all. Returns when done."""
        self.begin_drain(grace_secs)
        await self._finished.wait()

    def begin_drain(self, grace_secs: float) -> None:
        """Like `drain`, without waiting."""
        self._drain_secs = grace_secs
        self._stopping.set()

    def cancel_all(self) -> None:
        """End everything that runs, now."""
        if self._executor is not None:
            self._executor.stop_all("agent_stopped", LAST_GRACE_SECS)

    async def run(self) -> None:
        """Until drained or cancelled. Raises StateError, Superseded."""
        try:
            with self._state.locked():
                await self._run()
        finally:
            self._finished.set()
        if self._is_superseded:
            raise Superseded("a newer process of this agent has registered")

    async def _run(self) -> None:
        identity = Identity.open(self._state, self._name)
        set_subreaper(on=True)
        journal = Journal(self._state.journal_dir)
        executor = Executor(
            journal,
            self._registry,
            on_news=lambda execution_id, urgent: uploader.on_news(execution_id, urgent),
            on_slot=lambda: poller.on_slot(),
        )
        self._executor = executor
        uploader = Uploader(
            journal,
            self._link,
            refused_dir=self._state.refused_dir,
            disown=executor.disown,
            on_unknown_agent=self._must_register.set,
        )
        poller = Poller(
            journal,
            self._link,
            executor,
            capacity=self._capacity,
            max_batch=self._max_batch,
            min_free_bytes=self._min_free_bytes,
            on_unknown_agent=self._must_register.set,
            on_superseded=self._supersede,
        )
        heartbeat = Heartbeat(
            journal,
            self._link,
            executor,
            held=poller.held,
            is_draining=lambda: poller.is_draining,
            on_superseded=self._supersede,
        )
        tasks = [
            asyncio.create_task(journal.run(), name="journal"),
            asyncio.create_task(uploader.run(), name="uploader"),
            asyncio.create_task(_reap(), name="reaper"),
            asyncio.create_task(self._stay_registered(identity, executor, uploader, poller, heartbeat)),
        ]
        try:
            await executor.settle_the_past()
            await self._until_stopped(tasks)
            poller.drain()
            heartbeat.beat_now()
            await self._wind_down(executor, uploader)
        finally:
            executor.stop_all("agent_stopped", 0)
            await _flush(journal)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            journal.close()
            set_subreaper(on=False)
            reap_orphans()

    async def _until_stopped(self, tasks: list[asyncio.Task[None]]) -> None:
        """Until the agent is to stop, or one of its parts fails (which is a bug, and is raised)."""
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            done, _ = await asyncio.wait({stop, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stop}:
                task.result()
        finally:
            stop.cancel()

    async def _wind_down(self, executor: Executor, uploader: Uploader) -> None:
        log.info("agent_draining", running=executor.running, grace_secs=self._drain_secs)
        try:
            async with asyncio.timeout(self._drain_secs):
                await executor.wait_until_idle()
        except TimeoutError:
            log.warning("drain_time_over", running=executor.running)
            executor.stop_all("agent_stopped", LAST_GRACE_SECS)
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_GRACE_SECS + 5):
                    await executor.wait_until_idle()
        try:
            async with asyncio.timeout(LAST_DELIVERY_SECS):
                await uploader.wait_until_idle()
        except TimeoutError:
            log.warning("reports_left", why="they are on disk and go out at the next start")

    async def _stay_registered(
        self,
        identity: Identity,
        executor: Executor,
        uploader: Uploader,
        poller: Poller,
        heartbeat: Heartbeat,
    ) -> None:
        """Register, poll and beat; register again whenever the controller does not know this agent."""
        while True:
            self._must_register.clear()
            answer = await self._register(identity)
            identity = identity.with_agent_id(answer.agent_id)
            identity.store(self._state)
            executor.limits = answer.output
            uploader.agent_id, uploader.flush_secs = answer.agent_id, answer.output.flush_secs
            poller.wait_secs, heartbeat.every_secs = answer.poll_wait_secs, answer.heartbeat_interval_secs
            log.info("agent_registered", agent=identity.name, agent_id=str(answer.agent_id))
            self._registered.set()
            loops = [
                asyncio.create_task(poller.run(answer.agent_id, self._incarnation), name="poller"),
                asyncio.create_task(heartbeat.run(answer.agent_id, self._incarnation), name="heartbeat"),
                asyncio.create_task(self._must_register.wait(), name="unknown"),
            ]
            try:
                done, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for loop in loops:
                    loop.cancel()
                await asyncio.gather(*loops, return_exceptions=True)

    async def _register(self, identity: Identity) -> RegisterResponse:
        backoff = Backoff()
        use_key = identity.agent_id is None
        while True:
            self._show(self._enrolment_key if use_key and self._enrolment_key else identity.credential)
            try:
                answer = await self._link.register(self._introduction(identity))
                self._show(identity.credential)
                return answer
            except LinkError as error:
                pause = backoff.next_pause_secs(
                    error.retry_after_secs if isinstance(error, Unreachable) else None
                )
                if isinstance(error, Refused):
                    if error.status == 401 and not use_key and self._enrolment_key:
                        use_key, pause = True, 0.0
                    elif error.code == "name_taken":
                        pause = NAME_TAKEN_PAUSE_SECS
                log.warning("registration_failed", error=str(error), retry_secs=round(pause, 1))
                await asyncio.sleep(pause)

    def _show(self, key: str) -> None:
        """Which key speaks for this agent; a link inside a controller needs none."""
        if hasattr(self._link, "key"):
            self._link.key = key

    def _introduction(self, identity: Identity) -> RegisterRequest:
        return RegisterRequest(
            name=identity.name,
            tags=self._tags,
            hostname=socket.gethostname(),
            agent_type="standard",
            task_types=self._registry.available(),
            protocol=PROTOCOL_VERSION,
            version=version("tocsin-agent"),
            incarnation=self._incarnation,
            capacity=self._capacity,
            credential_sha256=identity.credential_sha256,
            system_info=system_info(),
        )

    def _supersede(self) -> None:
        if not self._is_superseded:
            log.error("agent_superseded", why="a newer process of this agent has registered")
        self._is_superseded = True
        self.begin_drain(0.0)


def system_info() -> dict[str, object]:
    """What the host is, for people."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "os": platform.system().lower(),
        "os_version": platform.release(),
        "arch": platform.machine(),
        "cpus": os.cpu_count() or 1,
        "memory_mb": pages * size // (1024 * 1024),
        "agent_version": version("tocsin-agent"),
        "python": platform.python_version(),
    }


async def _flush(journal: Journal) -> None:
    """Let what was settled last reach the file; without it the next start would only deliver it again."""
    with suppress(JournalError, TimeoutError):
        async with asyncio.timeout(2):
            await journal.commit([], durable=False)


async def _reap() -> None:
    while True:
        await asyncio.sleep(REAP_EVERY_SECS)
        reap_orphans()

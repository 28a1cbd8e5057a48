"""What a scenario works with: a fleet, a workload on it, faults that are written down, and the way to the history."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from tests.chaos import auditor, witness
from tests.chaos.fleet import Fleet
from tests.chaos.history import Event, Execution, Fault, History, Meta, Operation, Run, Sample, Witness

T = TypeVar("T")

_QUIET_SECS = 40.0
#: Within this time at least one pulse is due.
_A_PULSE_NS = 1_200_000_000


class Stage:
    """One scenario being played."""

    def __init__(
        self, fleet: Fleet, meta: Meta, *, is_short: bool, mix_secs: float = 60, older: Path | None = None
    ) -> None:
        self.fleet = fleet
        self.meta = meta
        #: Whether to take the least time in which the fault still shows.
        self.is_short = is_short
        #: How long the mix goes on.
        self.mix_secs = mix_secs
        #: Where the programs of an older release are.
        self.older = older
        #: Every choice comes from here, so that a seed repeats them.
        self.random = random.Random(meta.seed)  # noqa: S311  no secret
        self.faults: list[Fault] = []
        self.samples: list[Sample] = []
        #: What the scenario itself found wrong, besides the verdicts.
        self.complaints: list[str] = []
        self._healed_ns = 0
        self._pulses: list[str] = []

    # The workload.

    async def job(self, name: str, secs: float = 0.2, exit_code: int = 0, **definition: Any) -> Operation:
        """A job whose command is its own witness; on demand, on any agent, unless said otherwise."""
        stubborn = bool(definition.pop("stubborn", False))
        line = witness.command(
            self.fleet.witness_program, self.fleet.witness_file, secs, exit_code, stubborn=stubborn
        )
        return await self.fleet.client.create(
            name,
            {
                "task": {"type": "shell", "command": line},
                "schedule": {"type": "on_demand"},
                "target": {"type": "any"},
                "duration_secs": secs,
            }
            | definition,
        )

    async def pulse(self, name: str = "pulse", cron: str = "* * * * * *", **definition: Any) -> None:
        """A short job on a schedule, by which lateness and recovery are seen. Paused when the faults are over."""
        self._pulses.append(name)
        usual: dict[str, Any] = {"schedule": {"type": "cron", "value": cron}, "secs": 0.1}
        created = await self.job(name, **usual | definition)
        if created.outcome != "ok":
            raise NotSeen(f"an acknowledged job {name}")

    async def start(self, name: str, secs: float, exit_code: int = 0, **definition: Any) -> str:
        """Create a job, trigger it and wait until its process runs; the execution's id."""
        await self.job(name, secs, exit_code, **definition)
        await self.fleet.client.trigger(name)
        return (await self.until_witnessed(name)).execution_id

    # Faults.

    @asynccontextmanager
    async def fault(self, kind: str, target: str) -> AsyncIterator[None]:
        """The block is the fault's time."""
        began = time.time_ns()
        try:
            yield
        finally:
            self.faults.append(Fault(kind, target, began, time.time_ns()))

    # Waiting for what the scenario needs to see.

    def witnessed(self, job: str | None = None, kind: str = "start") -> list[Witness]:
        """What was witnessed so far."""
        lines = witness.read(self.fleet.witness_file)
        return [line for line in lines if line.kind == kind and job in (None, line.job)]

    async def until_witnessed(
        self, job: str, kind: str = "start", *, count: int = 1, after_ns: int = 0, secs: float = 20
    ) -> Witness:
        """The line that makes the count full."""

        def seen() -> Witness | None:
            lines = [line for line in self.witnessed(job, kind) if line.wall_ns > after_ns]
            return lines[count - 1] if len(lines) >= count else None

        return await self.until(seen, f"{count} x {kind} of {job}", secs=secs)

    async def execution(self, execution_id: str) -> dict[str, Any]:
        """As the API shows it now."""
        return dict(await self.fleet.client.get(f"/api/executions/{execution_id}"))

    async def until_status(self, execution_id: str, *statuses: str, secs: float = 25) -> dict[str, Any]:
        """The execution once it has one of these statuses."""
        deadline = time.monotonic() + secs
        view: dict[str, Any] = {}
        while time.monotonic() < deadline:
            try:
                view = await self.execution(execution_id)
            except Exception:  # noqa: BLE001  the API is away, which may be the very fault
                view = {}
            if view.get("status") in statuses:
                return view
            await asyncio.sleep(0.1)
        raise NotSeen(
            f"{execution_id} is {view.get('status')}({view.get('reason')}), not {' or '.join(statuses)}"
        )

    async def until(self, seen: Callable[[], T | None], what: str, *, secs: float = 20) -> T:
        """What a look returns once it is something. Raises NotSeen."""
        deadline = time.monotonic() + secs
        while True:
            found = seen()
            if found:
                return found
            if time.monotonic() > deadline:
                raise NotSeen(what)
            await asyncio.sleep(0.05)

    def expect(self, holds: object, sentence: str) -> None:
        """Complain unless it holds."""
        if not holds:
            self.complaints.append(sentence)

    # The end.

    def healed(self) -> None:
        """From now on nothing is broken."""
        self._healed_ns = time.time_ns()

    async def sample(self, phase: str) -> None:
        """Measure everything that runs."""
        for member in [*self.fleet.controllers.values(), *self.fleet.agents.values()]:
            if member.is_running:
                rss, descriptors = member.usage()
                spool = await self._spooled(member.name) if member.role == "agent" and phase == "after" else 0
                self.samples.append(Sample(phase, member.role, member.name, rss, descriptors, 0, spool))
        for name, link in self.fleet.database_links.items():
            self.samples.append(Sample(phase, "database", f"link of {name}", connections=link.connections))

    async def recover(self) -> None:
        """Wait until every pulse has been seen that was due after the faults ended, or recovery is overdue."""
        if not self._healed_ns:
            self.healed()
        after_ns = self._healed_ns + _A_PULSE_NS
        deadline = time.monotonic() + self.meta.recovery_secs + self.meta.slack_secs
        for name in self._pulses:
            left = deadline - time.monotonic()
            if left > 0:
                try:
                    await self.until_witnessed(name, after_ns=after_ns, secs=left)
                except NotSeen:
                    break

    async def rest(self) -> bool:
        """Pause what is scheduled and wait until nothing runs and nothing is to be delivered any more."""
        for name in self._pulses:
            for _ in range(5):
                if (await self.fleet.client.pause(name)).outcome == "ok":
                    break
                await asyncio.sleep(1)
        deadline = time.monotonic() + _QUIET_SECS
        while time.monotonic() < deadline:
            if await self._is_quiet():
                return True
            await asyncio.sleep(0.2)
        return False

    async def _is_quiet(self) -> bool:
        try:
            for status in ("pending", "running"):
                if (await self.fleet.client.get(f"/api/runs?status={status}&per_page=1"))["data"]:
                    return False
            views = await self.fleet.client.get("/api/agents")
        except Exception:  # noqa: BLE001  the API may still be coming back
            return False
        online = {view["name"] for view in views if view["status"] == "online"}
        for name, member in self.fleet.agents.items():
            if member.is_running and name not in online:
                return False
        return not any([await self._spooled(name) for name in self.fleet.agents])

    async def _spooled(self, agent: str) -> int:
        for view in await self.fleet.client.get("/api/agents"):
            if view["name"] == agent and view["status"] == "online":
                return int((view["spool"] or {}).get("records", 0))
        return 0

    async def collect(self, *, is_quiet: bool) -> History:
        """Read everything, for the last time."""
        client = self.fleet.client
        invoked = time.time_ns()
        runs, executions = await client.all_of("/api/runs"), await client.all_of("/api/executions")
        events = await client.all_of("/api/events")
        read_ns = time.time_ns()
        client.operations.append(Operation("read", "ok", invoked, read_ns))
        return History(
            meta=replace(self.meta, healed_ns=self._healed_ns, read_ns=read_ns, is_quiet=is_quiet),
            operations=list(client.operations),
            faults=list(self.faults),
            witness=witness.read(self.fleet.witness_file),
            runs=[_run(view) for view in runs],
            executions=[_execution(view) for view in executions],
            changes=await auditor.changes(self.fleet.dsn),
            events=[_event(view) for view in events],
            samples=list(self.samples),
        )

    def save_logs(self, directory: Path) -> None:
        """Beside the history, for whoever has to find out."""
        for member in [*self.fleet.controllers.values(), *self.fleet.agents.values()]:
            (directory / f"{member.name}.log").write_text(member.log())


def on(agent: str) -> dict[str, str]:
    """The target that only this agent is eligible for: its name is its tag."""
    return {"type": "tagged", "tag": agent}


class NotSeen(Exception):
    """Something that the scenario waited for did not happen."""


def _run(view: dict[str, Any]) -> Run:
    due = view["scheduled_for"]
    return Run(
        id=view["id"],
        job_id=view["job_id"],
        status=view["status"],
        reason=view["reason"],
        scheduled_for_ns=witness.instant_ns(due) if due else None,
        is_finished=view["finished_at"] is not None,
    )


def _execution(view: dict[str, Any]) -> Execution:
    return Execution(
        id=view["id"],
        run_id=view["run_id"],
        job_id=view["job_id"],
        job=view["job_name"],
        status=view["status"],
        reason=view["reason"],
        exit_code=view["exit_code"],
        fence=view["fence"],
        attempt=view["attempt_number"],
        retry_of=view["retry_of"],
        agent=view["agent_name"],
    )


def _event(view: dict[str, Any]) -> Event:
    return Event(
        kind=view["kind"],
        severity=view["severity"],
        execution_id=view["execution_id"],
        agent_id=view["agent_id"],
        message=view["message"],
    )

"""Watches over one execution: orders to stop it, its timeout, and what must not go wrong silently."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from tocsin_agent.policy import Policy, Refused
from tocsin_agent.policy.enforcing import permitted
from tocsin_agent.runtime.after_journal import AfterJournal, Callback
from tocsin_agent.runtime.cgroups import Cgroups, NotEnforceable, refuse_limits
from tocsin_agent.runtime.ending import outcome_of
from tocsin_agent.runtime.family import kill_family
from tocsin_agent.runtime.keeper import Nursery
from tocsin_agent.runtime.kept import KeeperDied, KeptProcess, KeptStart, OnOutput
from tocsin_agent.runtime.last_words import OUTPUT_SUFFIX, last_line_of
from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.runtime.output import OutputCapture
from tocsin_agent.runtime.redaction import Redactor, forms_for, without_secrets
from tocsin_agent.runtime.spec import KeepingRules, ProcessSpec
from tocsin_agent.tasks.base import StopKind, StopSignal
from tocsin_agent.tasks.registry import TaskRegistry
from tocsin_shared.executions import ExecutionStatus, Reason, Stream
from tocsin_shared.logs import log
from tocsin_shared.protocol import Assignment, OutputLimits

#: Told of the start; with the process, if there is one.
OnStarted = Callable[[KeptStart | None], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Keeping:
    """What it takes to start a process that outlives the agent."""

    #: None when this host can't start processes.
    nursery: Nursery | None
    directory: Path
    cgroups: Cgroups | None = None
    is_leashed: bool = False

    def end_orphans(self, execution_id: UUID, group: int) -> None:
        """Kill what lives of an execution that nobody keeps. `group` is its process group, or 0. Blocks."""
        if self.cgroups is not None:
            self.cgroups.kill(execution_id)
        if not kill_family(str(execution_id), group):
            log.error("processes_survived", execution_id=str(execution_id))


class Context:
    """What a runner gets; see `tasks.base.TaskContext`."""

    def __init__(
        self,
        supervisor: "Supervisor",
        assignment: Assignment,
        capture: OutputCapture,
        forms: Sequence[bytes],
    ) -> None:
        self._supervisor = supervisor
        self._assignment = assignment
        self._capture = capture
        self._forms = forms
        self._redactors = {stream: Redactor(forms) for stream in Stream} if forms else {}
        self.stop = supervisor.stop
        self.limits = supervisor.limits
        self.policy = supervisor.policy

    def emit(self, stream: Stream, data: bytes) -> None:
        """Take output, without the secrets in it."""
        redactor = self._redactors.get(stream)
        self._capture.feed(stream, data if redactor is None else redactor.feed(data))

    def finish(self) -> None:
        """Nothing more comes: give out what might have been the beginning of a secret."""
        for stream, redactor in self._redactors.items():
            self._capture.feed(stream, redactor.rest())

    async def on_started(self) -> None:
        """Make the start known."""
        await self._supervisor.on_started_in_process(self._assignment)

    def after_journal(self, acknowledge: Callback, give_up: Callback | None = None) -> None:
        """Take what is to be done once the result is durable."""
        self._supervisor.after_journal.add(acknowledge, give_up)

    async def run_process(self, spec: ProcessSpec) -> Outcome:
        """Start a process and see to its end."""
        return await self._supervisor.keep(self._assignment, spec, self._forms)

    async def last_line(self, stream: Stream) -> str:
        """What the process wrote last, as it was kept."""
        return await self._supervisor.last_line(self._assignment.execution_id, stream)


class Supervisor:
    """Runs one execution. Made for it inside the event loop, used once."""

    def __init__(
        self,
        registry: TaskRegistry,
        keeping: Keeping,
        limits: OutputLimits | None = None,
        *,
        policy: Policy | None = None,
        on_started: OnStarted,
        on_output: OnOutput,
    ) -> None:
        self._registry = registry
        self._keeping = keeping
        self._on_started = on_started
        self._on_output = on_output
        self._timer: asyncio.TimerHandle | None = None
        self._process: KeptProcess | None = None
        self._start: KeptStart | None = None
        self._fence: tuple[float, float] | None = None
        self.limits = limits or OutputLimits()
        self.policy = policy or Policy()
        self.stop = StopSignal()
        #: For whoever writes the result down.
        self.after_journal = AfterJournal()

    @property
    def has_process(self) -> bool:
        """Whether what runs would go on without the agent."""
        return self._process is not None

    def request_stop(self, kind: StopKind, grace_secs: float) -> None:
        """End it early. The first kind counts; a later request can only shorten the grace.

        Before `run` this keeps the task from being started at all.
        """
        self.stop.request(kind, grace_secs)
        if self._process is not None:
            self._process.stop(kind, grace_secs)

    def fence_at(self, uptime_secs: float, grace_secs: float) -> None:
        """From this instant since boot on the right to run it is gone, unless a later one is named before.

        The keeper sees to that even when this agent is dead by then.
        """
        self._fence = (uptime_secs, grace_secs)
        if self._process is not None:
            self._process.fence_at(uptime_secs, grace_secs)

    def limit_room(self, max_bytes: int | None) -> None:
        """The journal is full: the file of the process's output may not become larger. None: there is room again."""
        if self._process is not None:
            self._process.limit_room(max_bytes)

    def acknowledge(self) -> None:
        """The result is durable: nobody else has to remember it."""
        if self._process is not None:
            self._process.acknowledge()

    def let_go(self) -> None:
        """Leave the process to its keeper."""
        if self._process is not None:
            self._process.let_go()

    async def run(self, assignment: Assignment, *, capture: OutputCapture) -> Outcome:
        """Do it and say how it ended. Never raises but for cancellation. Closes the capture."""
        try:
            if self.stop.requested:
                return self._stopped(assignment, Outcome(ExecutionStatus.CANCELLED))
            forms = await forms_for(assignment.redact)
            context = Context(self, assignment, capture, forms)
            try:
                outcome = without_secrets(forms, await self._run(assignment, context))
            finally:
                context.finish()
            self.stop.settle()
            if self.stop.kind is None:
                return outcome
            await self.after_journal.give_up(assignment.execution_id)
            return self._stopped(assignment, outcome)
        finally:
            if self._timer is not None:
                self._timer.cancel()
            capture.close()

    async def keep(self, assignment: Assignment, spec: ProcessSpec, redact: Sequence[bytes] = ()) -> Outcome:
        """Start a process of an execution and see to its end. The keeper counts its time, and masks `redact`."""
        keeping, limits = self._keeping, assignment.limits
        if keeping.nursery is None:
            return Outcome.failed(Reason.SPAWN_FAILED, "The agent's keeper is missing; its log says more.")
        try:
            if keeping.cgroups is None:
                refuse_limits(limits)
            rules = KeepingRules(
                timeout_secs=spec.default_timeout_secs
                if assignment.timeout_secs is None
                else assignment.timeout_secs,
                kill_grace_secs=assignment.kill_grace_secs,
                max_bytes_per_stream=self.limits.max_bytes_per_stream,
                is_leashed=keeping.is_leashed,
                redact=redact,
                cgroup=keeping.cgroups.plan(assignment.execution_id, limits) if keeping.cgroups else None,
            )
            channel = keeping.nursery.launch(assignment.execution_id, spec, rules)
            process = KeptProcess(channel, keeping.directory, assignment.execution_id, self._on_output)
            return await self._see_to_its_end(process, assignment.execution_id)
        except NotEnforceable as error:
            return Outcome.failed(Reason.SPAWN_FAILED, str(error))
        except (OSError, ValueError) as error:
            what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            return Outcome.failed(Reason.SPAWN_FAILED, f"The command could not be started: {what}.")

    async def last_line(self, execution_id: UUID, stream: Stream) -> str:
        """The end of what a process wrote that has ended; empty when there is none."""
        path = self._keeping.directory / f"{execution_id}{OUTPUT_SUFFIX}"
        return await asyncio.to_thread(last_line_of, path, stream)

    async def follow(self, process: KeptProcess) -> Outcome:
        """See to the end of a process that was started, now or by an earlier agent. Raises KeeperDied."""
        self._process = process
        if self._fence is not None:
            process.fence_at(*self._fence)
        if self.stop.kind is not None:
            process.stop(self.stop.kind, self.stop.grace_left_secs)
        self._start = await process.started() or self._start
        if self._start is not None:
            await self._on_started(self._start)
        return outcome_of(await process.ended())

    async def on_started_in_process(self, assignment: Assignment) -> None:
        """A task that lives and dies with the agent has begun; its time counts from now."""
        if assignment.timeout_secs is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(
                assignment.timeout_secs, self.stop.request, "timeout", assignment.kill_grace_secs
            )
        await self._on_started(None)

    async def end_unkept(self, execution_id: UUID) -> Outcome:
        """Of a process whose keeper was killed: nobody knows how far it came."""
        group = self._start.pid if self._start else 0
        await asyncio.to_thread(self._keeping.end_orphans, execution_id, group)
        message = "The process that watched over this was killed; what was left of it was killed too."
        return Outcome.failed(Reason.INTERRUPTED, message)

    async def _see_to_its_end(self, process: KeptProcess, execution_id: UUID) -> Outcome:
        try:
            return await self.follow(process)
        except KeeperDied:
            return await self.end_unkept(execution_id)

    async def _run(self, assignment: Assignment, context: Context) -> Outcome:
        task_type = assignment.task.type
        try:
            assignment = await permitted(self.policy, assignment)
            runner = await self._registry.runner(task_type)
            if runner is None:
                return Outcome.failed(
                    Reason.UNSUPPORTED_TASK, f"This agent does not run tasks of type {task_type}."
                )
            return await runner.run(assignment, context)
        except Refused as error:
            log.warning(
                "task_refused", execution_id=str(assignment.execution_id), task_type=task_type, why=str(error)
            )
            return Outcome.failed(error.reason, str(error))
        except Exception as error:  # noqa: BLE001 - a plugin can raise anything; the execution has to end anyway
            tell = log.error if assignment.redact else log.exception  # what it says may hold a secret
            tell("task_runner_failed", task_type=task_type, execution_id=str(assignment.execution_id))
            await self.after_journal.give_up(assignment.execution_id)
            text = " ".join(f"{type(error).__name__}: {error}".split())
            return Outcome.failed(Reason.INTERNAL, f"The agent failed to run this: {text[:1000]}")

    def _stopped(self, assignment: Assignment, outcome: Outcome) -> Outcome:
        if outcome.output is not None or outcome.reason in (
            Reason.SPAWN_FAILED,
            Reason.UNSUPPORTED_TASK,
            Reason.REFUSED_BY_AGENT,
            Reason.ADDRESS_REFUSED,
            Reason.INTERNAL,
            Reason.INTERRUPTED,
        ):
            # The keeper knows what ended it; or it never ran, or nobody knows how far: the stop did not end it.
            return outcome
        stopped = Outcome.stopped(self.stop.kind or "agent_stopped", assignment.timeout_secs)
        return replace(outcome, status=stopped.status, reason=stopped.reason, message=stopped.message)

"""Turning "this job is due" into a run with its executions and queue rows."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tocsin_controller.hints import PLACES, Hints
from tocsin_controller.store.agents import AgentFacts, load_agent_facts
from tocsin_controller.store.database import Queries, Session
from tocsin_controller.store.launching import (
    Hold,
    PlannedExecution,
    PlannedRun,
    Timer,
    Written,
    write_runs,
)
from tocsin_controller.store.leasing import Lane, NewWork
from tocsin_controller.targeting import route_for
from tocsin_controller.workflow.dependencies import missing_dependencies
from tocsin_controller.workflow.gates.entering import admit, note_entered
from tocsin_controller.workflow.gates.needs import is_gated
from tocsin_controller.workflow.params import params_of
from tocsin_controller.workflow.rollouts.beginning import FanOut, fan_out, not_reached_entry
from tocsin_controller.workflow.rollouts.driving import begin
from tocsin_shared.executions import Reason, RunStatus
from tocsin_shared.ids import new_id, occurrence_id
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.targets import AgentTarget, is_fan_out


@dataclass(frozen=True, slots=True)
class Launched:
    """What was started, and where the dispatcher should look for it."""

    #: Each new run as it was written, by its id. Runs that existed already are not here.
    runs: dict[UUID, PlannedRun]
    #: Lanes with new work.
    lanes: dict[Lane, NewWork]
    #: How many timers fired; the others had fired elsewhere, or their jobs were changed.
    timers: int = 0

    @property
    def has_waiting(self) -> bool:
        """Whether some wait for a place: hint `places` after the commit."""
        return any(run.hold is Hold.PLACE for run in self.runs.values())


def plan_run(
    job_id: UUID,
    version: int,
    job: JobDefinition,
    *,
    trigger: dict[str, Any],
    params: dict[str, Any] | None = None,
    scheduled_for: datetime | None = None,
    agents: Sequence[AgentFacts] = (),
) -> PlannedRun:
    """The run of a job that is to happen now. For `all`, the agents given are the frozen list."""
    run_id = occurrence_id(job_id, scheduled_for) if scheduled_for else new_id()
    known = params_of(job, params)
    if known.wrong:
        return PlannedRun(
            id=run_id,
            job_id=job_id,
            job_version=version,
            status=RunStatus.FAILED,
            reason=Reason.INVALID_PARAMS,
            message=known.why,
            trigger=trigger,
            params=known.values,
            scheduled_for=scheduled_for,
            gated=job,
        )
    executions, not_reached, rollout = _executions(job, agents)
    return PlannedRun(
        id=run_id,
        job_id=job_id,
        job_version=version,
        status=RunStatus.PENDING if executions else RunStatus.FAILED,
        reason=None if executions else Reason.NO_AGENT,
        message=None if executions else "no eligible agent is online",
        trigger=trigger,
        params=known.values,
        scheduled_for=scheduled_for,
        priority=job.priority,
        queue_timeout_secs=job.queue_timeout_secs,
        executions=executions,
        not_reached=not_reached,
        # What fails at once is noted by the part that looks at gates.
        gated=job if is_gated(job) or not executions else None,
        rollout=rollout,
    )


def plan_skip(
    job_id: UUID,
    version: int,
    scheduled_for: datetime | None,
    trigger: dict[str, Any],
    reason: Reason,
    message: str,
) -> PlannedRun:
    """The record of an occurrence that does not happen (G1: never silence)."""
    return PlannedRun(
        id=occurrence_id(job_id, scheduled_for) if scheduled_for else new_id(),
        job_id=job_id,
        job_version=version,
        status=RunStatus.SKIPPED,
        reason=reason,
        message=message,
        trigger=trigger,
        scheduled_for=scheduled_for,
    )


def _executions(job: JobDefinition, agents: Sequence[AgentFacts]) -> FanOut:
    """Where the run's executions go, and who is not reached."""
    if is_fan_out(job.target):
        return fan_out(job, agents)
    agent_id = job.target.agent_id if isinstance(job.target, AgentTarget) else None
    return FanOut((PlannedExecution(new_id(), route_for(job.target, job.task.type), agent_id),), (), None)


async def agents_for(session: Queries, jobs: Iterable[JobDefinition]) -> Sequence[AgentFacts]:
    """The agents to freeze into `all` runs; nothing is read when no job asks for it."""
    if any(is_fan_out(job.target) for job in jobs):
        return await load_agent_facts(session)
    return ()


async def launch(
    session: Session, runs: Sequence[PlannedRun], fired: Sequence[tuple[Timer, datetime | None]] = ()
) -> Launched:
    """Write runs that have no gates, and move the timers that fired them: one statement, no transaction needed.

    Tell the dispatcher of the lanes after the commit.
    """
    return _launched(runs, await write_runs(session, runs, fired))


async def launch_gated(
    session: Session, runs: Sequence[PlannedRun], fired: Sequence[tuple[Timer, datetime | None]] = ()
) -> Launched:
    """The same for any runs, in the caller's transaction: some may have to wait, some will not happen."""
    admitted = await admit(session, runs)
    launched = _launched(admitted, await write_runs(session, admitted, fired))
    await note_entered(session, admitted, launched.runs.keys())
    await begin(session, list(launched.runs.values()))
    return launched


def has_gated(runs: Iterable[PlannedRun]) -> bool:
    """Whether any of these has to go through `launch_gated`."""
    return any(run.gated is not None for run in runs)


def _launched(runs: Sequence[PlannedRun], written: Written) -> Launched:
    new = {run.id: run for run in runs if run.id in written.run_ids}
    return Launched(new, written.lanes, written.timers)


@dataclass(frozen=True, slots=True)
class Triggered:
    """A run that somebody asked for."""

    run_id: UUID
    execution_ids: list[UUID]
    lanes: dict[Lane, NewWork]
    #: What became of it, for whoever asked.
    message: str
    has_waiting: bool = False
    #: Why the run was recorded as skipped; None when it was not.
    skipped: str | None = None


#: Tells others of what was launched.
Announce = Callable[[Launched], None]


class Launcher:
    """Starts jobs because somebody asked, outside any schedule."""

    def __init__(self, hints: Hints, on_work: Callable[[dict[Lane, NewWork]], None]) -> None:
        self._hints = hints
        self._on_work = on_work

    async def trigger(
        self,
        session: Session,
        job_id: UUID,
        version: int,
        job: JobDefinition,
        *,
        trigger: dict[str, Any],
        params: dict[str, Any] | None = None,
        skip_deps: bool = False,
        hosts: Mapping[UUID, str] | None = None,
    ) -> Triggered:
        """Write a run of the job in the caller's transaction; `announce` it after the commit.

        While the jobs that it waits for have not ended as they should have, the run is a skipped one. Of a job that
        runs on every host, `hosts` are the only ones that count; those that can't be are named.
        """
        if job.depends_on and not skip_deps:
            missing = (await missing_dependencies(session, [job_id])).get(job_id)
            if missing is not None:
                skip = plan_skip(job_id, version, None, trigger, Reason.DEPENDENCY, missing)
                await launch(session, [skip])
                return Triggered(skip.id, [], {}, _told(skip), skipped=missing)
        agents = await agents_for(session, [job])
        if hosts is not None:
            agents = [agent for agent in agents if agent.id in hosts]
        run = plan_run(job_id, version, job, trigger=trigger, params=params, agents=agents)
        if hosts is not None:
            run = with_missing(run, hosts, {agent.id for agent in agents})
        launched = await (launch_gated if has_gated([run]) else launch)(session, [run])
        run = launched.runs[run.id]
        return Triggered(
            run.id, [e.id for e in run.executions], launched.lanes, _told(run), launched.has_waiting
        )

    def announce(self, launched: Triggered | Launched) -> None:
        """Tell the dispatcher, and those who give places away; call it after the commit."""
        self._on_work(launched.lanes)
        if launched.has_waiting:
            self._hints.hint(PLACES, everywhere=False)


def with_missing(run: PlannedRun, hosts: Mapping[UUID, str], known: Collection[UUID]) -> PlannedRun:
    """The run with those of these hosts among the unreached ones that are gone, or not meant any more."""
    told = {entry["agent_id"] for entry in run.not_reached} | {str(e.agent_id) for e in run.executions}
    missing = tuple(
        not_reached_entry(
            host, name, "the job's target does not mean it any more" if host in known else "was removed"
        )
        for host, name in hosts.items()
        if str(host) not in told
    )
    return run._replace(not_reached=run.not_reached + missing)


def _told(run: PlannedRun) -> str:
    if run.status is RunStatus.SKIPPED:
        return f"job skipped: {run.message}"
    if run.hold is Hold.PLACE:
        return f"job triggered; it {run.message}"
    return "job awaiting approval" if run.hold is Hold.APPROVAL else "job triggered"

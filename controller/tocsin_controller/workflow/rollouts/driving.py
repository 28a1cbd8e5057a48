"""Takes the steps of rollouts, in the transaction of whatever made one due, with the run locked.

So exactly one controller begins a batch, and a crash leaves a rollout where it was: an execution's end that is not
committed is reported again, and a time that passes is an entry in the outbox.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple
from uuid import UUID

from tocsin_controller.definitions import Definitions
from tocsin_controller.store.database import Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.launching import PlannedRun
from tocsin_controller.store.leasing import Lane, NewWork, Work, add_work
from tocsin_controller.store.outbox import add_to_outbox
from tocsin_controller.store.rollouts import (
    PlannedRollout,
    StoredRollout,
    await_hosts,
    begin_rollouts,
    forget_late,
    hold_rollout,
    release_batch,
    rollout_batch,
    rollout_facts,
    set_rollout,
    withdraw_away,
    withdraw_rollout,
)
from tocsin_controller.workflow.rollouts.beginning import not_reached_entry
from tocsin_controller.workflow.rollouts.planning import RolloutState, late_words
from tocsin_controller.workflow.rollouts.stepping import (
    GiveUp,
    Pause,
    Release,
    RolloutFacts,
    Stop,
    next_step,
)
from tocsin_shared.executions import Reason
from tocsin_shared.jobs import JobDefinition

#: The kind of the outbox's entries: look at a rollout again.
ROLLOUT: Final = "rollout"
#: When rows were held by somebody else, most likely a cancel, the rollout is looked at again after so long.
LOOK_AGAIN_SECS: Final = 5.0


class Skip(NamedTuple):
    """An execution, withdrawn from the queue, that will not begin."""

    work: Work
    reason: Reason
    message: str


@dataclass(slots=True)
class Progress:
    """What came of steps; the caller ends what is skipped, which may lead to further steps."""

    lanes: dict[Lane, NewWork] = field(default_factory=dict)
    skips: list[Skip] = field(default_factory=list)


async def advance_rollouts(session: Session, definitions: Definitions, run_ids: Sequence[UUID]) -> Progress:
    """Take whatever steps are due in these runs, which the caller has locked."""
    progress = Progress()
    for run_id in run_ids:
        while (found := await _facts(session, run_id)) is not None:
            job = await definitions.get(session, (found.job_id, found.job_version))
            if not isinstance(job, JobDefinition) or job.rollout is None:
                break
            if not await _Advance(session, job, found, progress).step():
                break
    return progress


async def begin(session: Session, runs: Sequence[PlannedRun]) -> None:
    """Those of these runs that go about it in batches begin, in the transaction that wrote them."""
    rolled = [
        (run.id, _held(run.rollout) if run.hold else run.rollout._replace(ready_at=run.ready_at))
        for run in runs
        if run.rollout is not None and run.executions
    ]
    begins_in_secs = await begin_rollouts(session, rolled)
    for run_id, rollout in rolled:
        if rollout.wait_secs is not None:
            await look_again(session, run_id, begins_in_secs[run_id] + rollout.wait_secs)


def _held(rollout: PlannedRollout) -> PlannedRollout:
    """The same, of a run that waits for something else first: nothing begins, and nobody is waited for yet."""
    waits = tuple(wait._replace(is_held=True) for wait in rollout.waits)
    return rollout._replace(wait_secs=None, waits=waits)


async def resume(session: Session, run_id: UUID, job: JobDefinition, *, may_begin: bool = True) -> None:
    """A run that waited for something else was let go in this transaction: only its first batch really is.

    Hosts that are away are waited for from now on, or from the instant on that it still waits for. Unless it
    `may_begin` it waits for yet another thing.
    """
    if job.rollout is None:
        return
    wait_secs = job.rollout.wait_offline_secs if may_begin else None
    begins_in_secs = await hold_rollout(session, run_id, wait_secs, may_begin=may_begin)
    if wait_secs is not None:
        await look_again(session, run_id, begins_in_secs + wait_secs)


async def look_again(session: Session, run_id: UUID, delay_secs: float) -> None:
    """Look at a rollout again after so long."""
    await add_to_outbox(session, ROLLOUT, [{"run_id": str(run_id)}], delay_secs=delay_secs)


async def _facts(session: Session, run_id: UUID) -> StoredRollout | None:
    found = await rollout_facts(session, [run_id])
    return found[0] if found else None


class _Advance:
    """One step of one rollout."""

    def __init__(
        self, session: Session, job: JobDefinition, found: StoredRollout, progress: Progress
    ) -> None:
        assert job.rollout is not None  # noqa: S101  the caller looked
        self._session = session
        self._job = job
        self._rollout = job.rollout
        self._run_id = found.run_id
        self._job_id = found.job_id
        self._progress = progress
        self._state = RolloutState.from_json(found.state)
        late_is_held = self._state.released < self._state.late_batch
        self._facts = RolloutFacts(
            state=self._state,
            now=found.now,
            open=found.open,
            held=found.early + (found.late if late_is_held else 0),
            late=found.late,
            failures=found.failures,
        )

    async def step(self) -> bool:
        """Take the next step; whether there may be another one right away."""
        match next_step(self._rollout, self._facts):
            case None:
                return False
            case Pause(until):
                await self._keep(replace(self._state, next_at=until.isoformat()))
                await look_again(self._session, self._run_id, (until - self._facts.now).total_seconds())
                return False
            case Release(batch):
                return await self._release(batch)
            case Stop(why):
                await self._stop(why)
                return False
            case GiveUp():
                await self._give_up()
                return True

    async def _release(self, batch: int) -> bool:
        """Begin a batch; False when all of it is in somebody else's hands right now."""
        waiting = await rollout_batch(self._session, self._run_id, batch)
        there = [one.execution_id for one in waiting if one.status == "online"]
        away = [one for one in waiting if one.status != "online"]
        released, takeable = await release_batch(self._session, there, self._job.queue_timeout_secs)
        for lane, row in takeable:
            add_work(self._progress.lanes, lane, row)
        not_reached: list[dict[str, str]] = []
        moved = released
        if self._state.waits_until:
            moved += await await_hosts(
                self._session,
                [one.execution_id for one in away],
                self._state.late_batch,
                late_words(self._rollout),
                may_begin=batch >= self._state.late_batch,
            )
        else:
            works = await withdraw_away(self._session, [one.execution_id for one in away])
            moved += len(works)
            withdrawn = {work.execution_id: work for work in works}
            for one in away:
                if (work := withdrawn.get(one.execution_id)) is not None:
                    why = f"{one.status} when batch {batch} began"
                    self._progress.skips.append(Skip(work, Reason.NOT_REACHED, f"the host was {why}"))
                    not_reached.append(not_reached_entry(one.agent_id, one.name or "", why))
        late = self._state.late + (
            len(away) if self._state.waits_until and batch < self._state.late_batch else 0
        )
        await self._keep(replace(self._state, released=batch, next_at=None, late=late), not_reached)
        if released < len(there):
            await look_again(self._session, self._run_id, LOOK_AGAIN_SECS)
        return moved > 0 or not waiting

    async def _stop(self, why: str) -> None:
        withdrawn = await withdraw_rollout(self._session, self._run_id, 1)
        message = f"the rollout stopped: {why}"
        self._progress.skips += [Skip(work, Reason.ROLLOUT_STOPPED, message) for work, _, _ in withdrawn]
        if self._state.stopped is None:
            await self._keep(replace(self._state, stopped=why, next_at=None))
            event = NewEvent(
                kind="rollout.stopped",
                severity="error",
                message=f"The rollout of job '{self._job.name}' stopped: {why}",
                job_id=self._job_id,
                run_id=self._run_id,
                details=f"{len(withdrawn)} hosts had not begun",
            )
            await add_events(self._session, [event])
            if len(withdrawn) < self._facts.held:
                await look_again(self._session, self._run_id, LOOK_AGAIN_SECS)

    async def _give_up(self) -> None:
        withdrawn = await withdraw_rollout(self._session, self._run_id, self._state.late_batch)
        await forget_late(self._session, self._run_id, self._state.late_batch)
        why = f"did not come back within {self._rollout.wait_offline_secs} s"
        self._progress.skips += [
            Skip(work, Reason.NOT_REACHED, f"the host {why}") for work, _, _ in withdrawn
        ]
        entries = [not_reached_entry(agent_id, name, why) for _, agent_id, name in withdrawn]
        await self._keep(replace(self._state, waits_until=None), entries)

    async def _keep(self, state: RolloutState, not_reached: Sequence[dict[str, str]] = ()) -> None:
        self._state = state
        await set_rollout(self._session, self._run_id, state.as_json(), not_reached)

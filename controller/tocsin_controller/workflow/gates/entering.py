"""New runs at the gates: what holds them is decided before they are written, and noted in the same transaction.

In this order: does the job let another run in at all (`overlap: skip`), does somebody have to approve it, is there a
place for it? A run that waits for approval asks for its place once it is approved.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from tocsin_controller.store.approvals import ask_approval
from tocsin_controller.store.database import Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.launching import Hold, PlannedRun, count_open_runs
from tocsin_controller.store.places import (
    Asking,
    count_waiting,
    insert_places,
    lock_keys,
    note_waiting,
    places_taken,
)
from tocsin_controller.workflow.alerts.noting import note_made
from tocsin_controller.workflow.gates.places import (
    Refused,
    Tally,
    is_skipping,
    needs_of,
    needs_places,
    own_key,
    why_waiting,
)
from tocsin_shared.executions import Reason, RunStatus
from tocsin_shared.jobs import JobDefinition


async def admit(session: Session, runs: Sequence[PlannedRun]) -> list[PlannedRun]:
    """The same runs, each with what becomes of it. Locks what that depends on until the transaction ends."""
    jobs = {run.job_id: run.gated for run in runs if run.gated is not None and run.executions}
    tally = await _read_tally(session, jobs)
    return [_admitted(run, tally) for run in runs]


async def note_entered(session: Session, runs: Sequence[PlannedRun], written: Collection[UUID]) -> None:
    """Keep what holds those that were really written, what they hold, and what is to be looked at; tell of it."""
    await note_made(
        session, [(run, run.gated) for run in runs if run.id in written and run.gated is not None]
    )
    new = [
        (run, run.gated)
        for run in runs
        if run.id in written and run.gated is not None and run.status is RunStatus.PENDING
    ]
    asked = [(run, job) for run, job in new if run.hold is Hold.APPROVAL]
    if asked:
        await ask_approval(session, asked)
        await add_events(session, [_asked(run, job) for run, job in asked])
    placed = [
        (Asking(run.id, run.job_id, run.job_version, needs_of(run.job_id, job)), run.hold is None)
        for run, job in new
        if run.hold is not Hold.APPROVAL and needs_places(job)
    ]
    if placed:
        await insert_places(session, placed)


async def ask_for_places(
    session: Session, run_id: UUID, job_id: UUID, job_version: int, job: JobDefinition
) -> bool:
    """Whether a run that was just approved gets its places at once; else it waits for them, however many do."""
    if not needs_places(job):
        return True
    tally = await _read_tally(session, {job_id: job})
    tally.waiting.clear()
    is_held = tally.take(job_id, job) is True
    await insert_places(session, [(Asking(run_id, job_id, job_version, needs_of(job_id, job)), is_held)])
    if not is_held:
        await note_waiting(session, run_id, why_waiting(job))
    return is_held


async def _read_tally(session: Session, jobs: dict[UUID, JobDefinition]) -> Tally:
    """How everything stands that decides about runs of these jobs; it stays so until the transaction ends."""
    skipping = [job_id for job_id, job in jobs.items() if is_skipping(job)]
    placed = [job_id for job_id, job in jobs.items() if needs_places(job)]
    keys = {need.key for job_id in placed for need in needs_of(job_id, jobs[job_id])}
    await lock_keys(session, keys | {own_key(job_id) for job_id in skipping})
    tally = Tally()
    if skipping:
        tally.open = await count_open_runs(session, skipping)
    if placed:
        tally.taken = await places_taken(session, keys)
        tally.waiting = await count_waiting(session, placed)
    return tally


def _admitted(run: PlannedRun, tally: Tally) -> PlannedRun:
    job = run.gated
    if job is None or not run.executions:
        return run
    refused = tally.count_open(run.job_id, job)
    if refused is not None:
        return _skipped(run, refused)
    if job.approval_required:
        return run._replace(hold=Hold.APPROVAL, reason=None, message=None, ready_at=None)
    if not needs_places(job):
        return run
    entry = tally.take(run.job_id, job)
    if isinstance(entry, Refused):
        return _skipped(run, entry)
    if entry:
        return run
    return run._replace(hold=Hold.PLACE, reason=Reason.WAITING_FOR_PLACE, message=why_waiting(job))


def _skipped(run: PlannedRun, refused: Refused) -> PlannedRun:
    return run._replace(
        status=RunStatus.SKIPPED,
        reason=refused.reason,
        message=refused.message,
        executions=(),
        not_reached=(),
    )


def _asked(run: PlannedRun, job: JobDefinition) -> NewEvent:
    return NewEvent(
        kind="job.pending_approval",
        severity="info",
        message=f"Job '{job.name}' waits for approval",
        job_id=run.job_id,
        run_id=run.id,
        execution_id=run.executions[0].id,
    )

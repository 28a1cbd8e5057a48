"""New runs at the gates: what holds them is decided before they are written, and noted in the same transaction."""

from collections.abc import Collection, Sequence
from uuid import UUID

from tocsin_controller.store.approvals import ask_approval
from tocsin_controller.store.database import Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.launching import Hold, PlannedRun
from tocsin_shared.jobs import JobDefinition


async def admit(session: Session, runs: Sequence[PlannedRun]) -> list[PlannedRun]:
    """The same runs, each with what becomes of it. Locks what that depends on until the transaction ends."""
    return [_held_for_approval(run) for run in runs]


async def note_entered(session: Session, runs: Sequence[PlannedRun], written: Collection[UUID]) -> None:
    """Keep what holds those that were really written, and tell of it."""
    asked = [
        (run, run.gated)
        for run in runs
        if run.id in written and run.hold is Hold.APPROVAL and run.gated is not None
    ]
    if asked:
        await ask_approval(session, asked)
        await add_events(session, [_asked(run, job) for run, job in asked])


def _held_for_approval(run: PlannedRun) -> PlannedRun:
    if run.gated is None or not run.gated.approval_required or not run.executions:
        return run
    return run._replace(hold=Hold.APPROVAL)


def _asked(run: PlannedRun, job: JobDefinition) -> NewEvent:
    return NewEvent(
        kind="job.pending_approval",
        severity="info",
        message=f"Job '{job.name}' waits for approval",
        job_id=run.job_id,
        run_id=run.id,
        execution_id=run.executions[0].id,
    )

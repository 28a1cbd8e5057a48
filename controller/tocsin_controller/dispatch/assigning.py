"""From a right that was handed out to what its agent is told."""

from collections.abc import Sequence

import structlog

from tocsin_controller.definitions import BrokenDefinition, Read
from tocsin_controller.dispatch.substituting import Filled, Substituter, Unfilled
from tocsin_controller.store.database import Database, HeldSession
from tocsin_controller.store.leasing import Handed
from tocsin_controller.workflow.ending import Ended, Ender
from tocsin_controller.workflow.known_leases import KnownLeases
from tocsin_controller.workflow.losing import LossPace
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.protocol import Assignment, Limits

log = structlog.get_logger(__name__)


class Assigner:
    """Builds assignments."""

    def __init__(
        self,
        db: Database,
        ender: Ender,
        known: KnownLeases,
        pace: LossPace,
        substituter: Substituter,
    ) -> None:
        self._db = db
        self._ender = ender
        self._known = known
        self._pace = pace
        self._substituter = substituter

    async def assignments(
        self, session: HeldSession, handed: Sequence[Handed], definitions: Read
    ) -> list[Assignment | None]:
        """What each agent is told; None for what can't be told, which is ended here. Raises StaleDatabase."""
        if handed:
            self._db.epochs.note_fence(handed[0].fence)
        self._known.learn(handed)
        works = [(h, definitions[h.job_id, h.job_version]) for h in handed]
        filled = await self._substituter.fill(session, works)
        built = [self._assignment_or_why(h, job, filled.get(h.execution_id)) for h, job in works]
        ended = [
            Ended(h, ExecutionStatus.FAILED, why.reason, why.message, agent_id=h.agent_id, fence=h.fence)
            for h, why in zip(handed, built, strict=True)
            if isinstance(why, Unfilled)
        ]
        if ended:
            async with session.transaction() as transaction:
                aftermath = await self._ender.end_leased(transaction, ended)
            self._ender.announce(aftermath)
        return [one if isinstance(one, Assignment) else None for one in built]

    def _assignment_or_why(
        self, work: Handed, job: JobDefinition | BrokenDefinition, filled: Filled | Unfilled | None
    ) -> Assignment | Unfilled:
        """What the agent gets, or why it can't. `filled` is the task with its values, if it uses any."""
        if isinstance(filled, Unfilled):
            return filled
        if isinstance(job, BrokenDefinition):
            return Unfilled(Reason.INTERNAL, "the stored definition can't be read by this release")
        try:
            return self._assignment(work, job, filled)
        except ValueError as error:
            if filled is not None:  # what it says may hold a secret
                log.error("assignment_failed", execution_id=str(work.execution_id))
                return Unfilled(Reason.INTERNAL, "the stored definition can't be handed out with its values")
            log.exception("assignment_failed", execution_id=str(work.execution_id))
            why = f"the stored definition can't be handed out: {error}".replace("\0", "")[:500]
            return Unfilled(Reason.INTERNAL, why)

    def _assignment(self, work: Handed, job: JobDefinition, filled: Filled | None) -> Assignment:
        return Assignment(
            execution_id=work.execution_id,
            run_id=work.run_id,
            job_id=work.job_id,
            job_name=job.name,
            fence=work.fence,
            attempt_number=work.attempt_number,
            task=filled.task if filled else job.task,
            redact=list(filled.secrets) if filled else [],
            run_as=job.run_as,
            timeout_secs=job.timeout_secs,
            kill_grace_secs=job.kill_grace_secs,
            scheduled_for=work.scheduled_for.isoformat().replace("+00:00", "Z")
            if work.scheduled_for
            else None,
            lease_secs=self._pace.lease_secs,
            self_fence_secs=self._pace.self_fence_secs(job),
            limits=Limits.model_validate(job.limits.model_dump()) if job.limits else None,
        )

"""From a right that was handed out to what its agent is told."""

from collections.abc import Sequence

from tocsin_controller.definitions import BrokenDefinition, Read
from tocsin_controller.dispatch.connecting import Connector
from tocsin_controller.dispatch.scripting import scripts_for
from tocsin_controller.dispatch.substituting import Filled, Substituter
from tocsin_controller.security.using_connections import Given
from tocsin_controller.security.values import Unfilled
from tocsin_controller.store.database import Database, HeldSession
from tocsin_controller.store.leasing import Handed
from tocsin_controller.workflow.ending import Ended, Ender
from tocsin_controller.workflow.known_leases import KnownLeases
from tocsin_controller.workflow.losing import LossPace
from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.logs import log
from tocsin_shared.protocol import MAX_SECRETS_BYTES, Assignment, GivenScript, Limits
from tocsin_shared.wire import storable


class Assigner:
    """Builds assignments."""

    def __init__(
        self,
        db: Database,
        ender: Ender,
        known: KnownLeases,
        pace: LossPace,
        substituter: Substituter,
        connector: Connector,
    ) -> None:
        self._db = db
        self._ender = ender
        self._known = known
        self._pace = pace
        self._substituter = substituter
        self._connector = connector

    async def assignments(
        self, session: HeldSession, handed: Sequence[Handed], definitions: Read
    ) -> list[Assignment | None]:
        """What each agent is told; None for what can't be told, which is ended here. Raises StaleDatabase."""
        if handed:
            self._db.epochs.note_fence(handed[0].fence)
        self._known.learn(handed)
        works = [(h, definitions[h.job_id, h.job_version]) for h in handed]
        filled = await self._substituter.fill(session, works)
        given = await self._connector.give(session, works)
        scripts = await scripts_for(session, works)
        built = [
            self._assignment_or_why(
                h, job, filled.get(h.execution_id), given.get(h.execution_id), scripts.get(h.execution_id)
            )
            for h, job in works
        ]
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
        self,
        work: Handed,
        job: JobDefinition | BrokenDefinition,
        filled: Filled | Unfilled | None,
        given: Given | Unfilled | None,
        script: GivenScript | Unfilled | None,
    ) -> Assignment | Unfilled:
        """What the agent gets, or why it can't.

        `filled` is the task with its values, if it uses any; `given` the connection that it names, if it names one.
        """
        if isinstance(filled, Unfilled):
            return filled
        if isinstance(given, Unfilled):
            return given
        if isinstance(script, Unfilled):
            return script
        if isinstance(job, BrokenDefinition):
            return Unfilled(Reason.INTERNAL, "the stored definition can't be read by this release")
        try:
            return self._assignment(work, job, filled, given, script)
        except _TooManySecrets:
            why = f"its secrets have more than {MAX_SECRETS_BYTES} bytes together, too many to look for in output"
            return Unfilled(Reason.UNSAFE_VALUE, why)
        except ValueError as error:
            if filled is not None or given is not None:  # what it says may hold a secret
                log.error("assignment_failed", execution_id=str(work.execution_id))
                return Unfilled(Reason.INTERNAL, "the stored definition can't be handed out with its values")
            log.exception("assignment_failed", execution_id=str(work.execution_id))
            why = storable(f"the stored definition can't be handed out: {error}")[:500]
            return Unfilled(Reason.INTERNAL, why)

    def _assignment(
        self,
        work: Handed,
        job: JobDefinition,
        filled: Filled | None,
        given: Given | None,
        script: GivenScript | None,
    ) -> Assignment:
        return Assignment(
            execution_id=work.execution_id,
            run_id=work.run_id,
            job_id=work.job_id,
            job_name=job.name,
            fence=work.fence,
            attempt_number=work.attempt_number,
            task=filled.task if filled else job.task,
            connection=given.connection if given else None,
            redact=_together(filled, given),
            run_as=job.run_as,
            timeout_secs=job.timeout_secs,
            kill_grace_secs=job.kill_grace_secs,
            scheduled_for=work.scheduled_for.isoformat().replace("+00:00", "Z")
            if work.scheduled_for
            else None,
            lease_secs=self._pace.lease_secs,
            self_fence_secs=self._pace.self_fence_secs(job),
            limits=Limits.model_validate(job.limits.model_dump()) if job.limits else None,
            script=script,
        )


class _TooManySecrets(Exception):
    """Looking for them in output would cost too much."""


def _together(filled: Filled | None, given: Given | None) -> list[str]:
    """The secrets of both, each once. Raises _TooManySecrets."""
    secrets = dict.fromkeys((*(filled.secrets if filled else ()), *(given.secrets if given else ())))
    if sum(len(secret.encode()) for secret in secrets) > MAX_SECRETS_BYTES:
        raise _TooManySecrets
    return list(secrets)

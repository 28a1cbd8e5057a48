"""Running a job again after a run of it: on the hosts that failed or were not reached, or on all of then.

Unlike a replay, which runs what was, this runs the job as it is now: most retries come after something was put right.
"""

from typing import Any
from uuid import UUID

from tocsin_controller.definitions import Definitions
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.idempotency import Repeatable
from tocsin_controller.services.starting import Asked, Asker, RunStarter
from tocsin_controller.store import history
from tocsin_controller.store.database import Record, Session
from tocsin_controller.store.jobs import share_job
from tocsin_controller.workflow.causes import Parent, trigger_of
from tocsin_shared.errors import Conflict, NotFound
from tocsin_shared.executions import RunStatus
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.rollouts import RetriedHosts
from tocsin_shared.targets import is_fan_out


class RunRetryService:
    """Runs, tried again."""

    def __init__(self, starter: RunStarter, definitions: Definitions) -> None:
        self._starter = starter
        self._definitions = definitions

    async def retry(
        self, run_id: UUID, only: RetriedHosts, by: Principal, *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """A new run of the same job, with the same params. Raises NotFound, Conflict, InvalidInput."""
        request = Repeatable.of(by.key_id, idempotency_key, "retry", run_id, only.value)

        async def ask(session: Session) -> Asked:
            run = await history.run(session, run_id)
            if run is None:
                raise NotFound(f"there is no run {run_id}")
            if not RunStatus(run["status"]).is_final:
                raise Conflict("the run has not ended yet; cancel it first, or wait for it")
            job = await share_job(session, run["job_id"])
            if job is None:
                raise Conflict(f"the job '{run['job_name']}' was deleted; it can't be run again")
            hosts = await self._hosts(session, run, job.definition, only)
            parent = Parent(run["job_id"], run_id, run["trigger"])
            trigger = trigger_of("retry", parent, by=by.name, run_id=run_id, only=only.value)
            told = "was tried again"
            return Asked(
                run["job_id"], job.version, job.definition, trigger, run["params"], hosts=hosts, told=told
            )

        return await self._starter.start(request, ask, Asker.of(by))

    async def _hosts(
        self, session: Session, run: Record, job: JobDefinition, only: RetriedHosts
    ) -> dict[UUID, str] | None:
        """The hosts to run on, with their names; None when whichever is free will do. Raises Conflict."""
        was = await self._definitions.get(session, (run["job_id"], run["job_version"]))
        if not isinstance(was, JobDefinition) or not is_fan_out(was.target):
            if only is RetriedHosts.FAILED and run["status"] == RunStatus.SUCCEEDED:
                raise Conflict("the run succeeded: there is nothing to try again")
            return None
        if not is_fan_out(job.target):
            raise Conflict("the job does not run on every host any more; run it instead, or replay the run")
        hosts = {
            row["agent_id"]: row["name"]
            for row in await history.hosts_of_run(session, run["id"])
            if only is RetriedHosts.ALL or row["status"] != "succeeded"
        }
        hosts |= {UUID(entry["agent_id"]): entry["name"] for entry in run["not_reached"] or []}
        if not hosts and run["status"] != RunStatus.SUCCEEDED:
            return None  # no host was there: those that are now
        if not hosts:
            raise Conflict("every host of the run succeeded: there is nothing to try again")
        return hosts

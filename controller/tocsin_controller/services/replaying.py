"""Running again what ran before, as it was: the version and parameters of the old run, whatever the job says now."""

from typing import Any
from uuid import UUID

from tocsin_controller.definitions import BrokenDefinition, Definitions
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.idempotency import Repeatable
from tocsin_controller.services.starting import Asked, Asker, RunStarter
from tocsin_controller.store import history
from tocsin_controller.store.database import Database, Record, Session
from tocsin_controller.store.jobs import share_job
from tocsin_controller.workflow.causes import Parent, trigger_of
from tocsin_shared.errors import Conflict, NotFound
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.targets import is_fan_out


class ReplayService:
    """Old runs, again."""

    def __init__(self, db: Database, starter: RunStarter, definitions: Definitions) -> None:
        self._db = db
        self._starter = starter
        self._definitions = definitions

    async def replay_run(
        self, run_id: UUID, by: Principal, *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """A new run like this one. Raises NotFound; Conflict when its job was deleted or can't be read."""
        run = await history.run(self._db, run_id)
        if run is None:
            raise NotFound(f"there is no run {run_id}")
        return await self._replay(run, None, by, idempotency_key)

    async def replay_execution(
        self, execution_id: UUID, by: Principal, *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """A new run like the one of this execution; of a run on many agents, only on the agent of this one.

        Raises NotFound; Conflict when its job was deleted or can't be read.
        """
        execution = await history.execution(self._db, execution_id)
        run = await history.run(self._db, execution["run_id"]) if execution is not None else None
        if execution is None or run is None:
            raise NotFound(f"there is no execution {execution_id}")
        return await self._replay(run, execution, by, idempotency_key)

    async def _replay(
        self, run: Record, execution: Record | None, by: Principal, idempotency_key: str | None
    ) -> dict[str, Any]:
        what = execution["id"] if execution is not None else run["id"]
        request = Repeatable.of(by.key_id, idempotency_key, "replay", what)
        trigger = _trigger(run, execution, by)

        async def ask(session: Session) -> Asked:
            job = await self._frozen(session, run)
            hosts = _host(execution) if execution is not None and is_fan_out(job.target) else None
            version = run["job_version"]
            told = f"was replayed (version {version})"
            return Asked(
                run["job_id"], version, job, trigger, run["params"], skip_deps=True, hosts=hosts, told=told
            )

        return await self._starter.start(request, ask, Asker.of(by))

    async def _frozen(self, session: Session, run: Record) -> JobDefinition:
        """The definition that the old run had; its job must still be there."""
        if await share_job(session, run["job_id"]) is None:
            raise Conflict(f"the job '{run['job_name']}' was deleted; what ran then can't be run again")
        found = await self._definitions.get(session, (run["job_id"], run["job_version"]))
        if isinstance(found, BrokenDefinition):
            raise Conflict(f"this release can't read version {run['job_version']} of the job")
        return found


def _trigger(run: Record, execution: Record | None, by: Principal) -> dict[str, Any]:
    """The replayed run is its cause, and the only one: what led to it then does not lead to this one."""
    who: dict[str, Any] = {"by": by.name, "run_id": run["id"]}
    if execution is not None:
        who["execution_id"] = execution["id"]
    return trigger_of("replay", Parent(run["job_id"], run["id"], {"type": run["trigger"]["type"]}), **who)


def _host(execution: Record) -> dict[UUID, str]:
    """The host of one of many executions. Raises Conflict when nobody had taken it."""
    agent_id = execution["agent_id"]
    if agent_id is None:
        raise Conflict("no agent had taken this execution; replay its run")
    return {agent_id: execution["agent_name"] or str(agent_id)}

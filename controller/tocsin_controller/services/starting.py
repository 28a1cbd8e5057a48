"""Runs that somebody asked for, whoever and however: by hand, by a webhook, again.

All of them are written here, so that what holds for one holds for all: the run, the event that tells of it, the answer.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tocsin_controller.hints import EVENTS, Hints
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.idempotency import Repeatable, once
from tocsin_controller.store.audit import AuditRow, insert_audit
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.workflow.launch import Launcher, Triggered
from tocsin_controller.workflow.params import params_of
from tocsin_shared.errors import InvalidInput
from tocsin_shared.jobs import JobDefinition


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants it: somebody with a key, or something without."""

    name: str
    key_id: UUID | None = None
    #: Where the request came from.
    address: str | None = None

    @classmethod
    def of(cls, principal: Principal) -> "Asker":
        """Whoever showed a key."""
        return cls(principal.name, principal.key_id, principal.address)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to run."""

    job_id: UUID
    #: The version that runs; not necessarily the newest.
    version: int
    job: JobDefinition
    #: See `workflow.causes`.
    trigger: dict[str, Any]
    params: dict[str, Any] | None = None
    #: Run it whatever it waits for.
    skip_deps: bool = False
    #: Of a job that runs on every host, only these, with their names; None: all that are meant.
    hosts: Mapping[UUID, str] | None = None
    #: What happened to the job, as its event says.
    told: str = "was triggered"


class RunStarter:
    """Starts what somebody asks for."""

    def __init__(self, db: Database, hints: Hints, launcher: Launcher) -> None:
        self._db = db
        self._hints = hints
        self._launcher = launcher

    async def start(
        self, request: Repeatable | None, ask: Callable[[Session], Awaitable[Asked]], by: Asker
    ) -> dict[str, Any]:
        """Find out what is asked for, and start it, in one transaction; what the caller is answered.

        The same request gets the same answer, and starts nothing again (G5). `ask` holds the job (`share_job`). Raises
        InvalidInput when the params do not fit the job, and what `ask` raises.
        """
        launched: Triggered | None = None

        async def do() -> dict[str, Any]:
            nonlocal launched
            launched, answer = await _start_run(session, self._launcher, await ask(session), by)
            return answer

        async with self._db.transaction() as session:
            answer = await once(session, request, do)
        if launched is not None:
            self._launcher.announce(launched)
            self._hints.hint(EVENTS)
        return answer


async def _start_run(
    session: Session, launcher: Launcher, asked: Asked, by: Asker
) -> tuple[Triggered, dict[str, Any]]:
    """Write the run, its event and its audit row; the run, and what the caller is answered."""
    known = params_of(asked.job, asked.params)
    if known.wrong:
        raise InvalidInput(known.why, details=known.wrong)
    launched = await launcher.trigger(
        session,
        asked.job_id,
        asked.version,
        asked.job,
        trigger=asked.trigger,
        params=asked.params,
        skip_deps=asked.skip_deps,
        hosts=asked.hosts,
    )
    are_deps_skipped = asked.skip_deps and asked.job.depends_on
    event = NewEvent(
        kind="job.triggered",
        severity="info",
        message=f"Job '{asked.job.name}' {asked.told}",
        job_id=asked.job_id,
        run_id=launched.run_id,
        api_key_id=by.key_id,
        api_key_name=by.name if by.key_id else None,
        details="dependencies were skipped" if are_deps_skipped else launched.skipped,
    )
    await add_events(session, [event])
    audit = AuditRow(
        actor_key_id=by.key_id,
        actor_key_name=by.name,
        actor_address=by.address,
        operation="job.triggered",
        resource_type="job",
        resource_id=str(asked.job_id),
        details=f"'{asked.job.name}', run {launched.run_id}",
        changes=None,
    )
    await insert_audit(session, audit)
    answer = {
        "message": launched.message,
        "job_id": str(asked.job_id),
        "run_id": str(launched.run_id),
        "execution_ids": [str(execution_id) for execution_id in launched.execution_ids],
    }
    return launched, answer

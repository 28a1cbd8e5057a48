"""The same action for many jobs, each in a transaction of its own: one that fails keeps no other from being done."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

from tocsin_controller.security.roles import Principal
from tocsin_controller.services.jobs import JobService
from tocsin_controller.services.pausing import PauseService
from tocsin_controller.store.bulk import names_of
from tocsin_controller.store.database import Database
from tocsin_controller.store.jobs import list_jobs, read_clock, share_job
from tocsin_shared.bulk import MOST_JOBS, BulkAction, BulkAnswer, BulkFilter, BulkRequest, BulkResult
from tocsin_shared.errors import InvalidInput, NotFound, TocsinError, Unavailable
from tocsin_shared.jobs import JobStatus, JobUpdate, TriggerRequest
from tocsin_shared.pausing import PauseRequest

#: Jobs at once: fewer than the connections there are, so that other requests get one too.
AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class BulkCall:
    """Who asks, and how."""

    by: Principal
    #: `api` or `cli`, for the runs that it triggers.
    kind: str
    #: Repeating the request with the same key triggers nothing twice.
    idempotency_key: str | None


class BulkService:
    """Bulk actions."""

    def __init__(self, db: Database, jobs: JobService, pauses: PauseService) -> None:
        self._db = db
        self._jobs = jobs
        self._pauses = pauses

    async def do(self, body: BulkRequest, call: BulkCall) -> BulkAnswer:
        """Do it to each job. Raises InvalidInput when too many match; what fails for one job is in its result."""
        if body.until is not None and body.until <= await read_clock(self._db):
            raise InvalidInput.field("until", "has already passed")
        if body.filter is not None:
            names = await self._matching(body.filter)
            ids = list(names)
        else:
            ids = list(dict.fromkeys(body.job_ids or []))
            names = await names_of(self._db, ids)
        results = await _Batch(self._db, self._jobs, self._pauses, body, call, names).do(ids)
        succeeded = sum(result.ok for result in results)
        return BulkAnswer(
            action=body.action,
            dry_run=body.dry_run,
            total=len(results),
            succeeded=succeeded,
            failed=len(results) - succeeded,
            results=results,
        )

    async def _matching(self, only: BulkFilter) -> dict[UUID, str]:
        most = MOST_JOBS + 1
        page = await list_jobs(
            self._db,
            status=only.status.value if only.status else None,
            group=only.group,
            search=only.search,
            after=None,
            offset=0,
            limit=most,
            cap=most,
        )
        if len(page.rows) > MOST_JOBS:
            raise InvalidInput.field("filter", f"matches more than {MOST_JOBS} jobs; say it more narrowly")
        return {UUID(str(row["id"])): row["name"] for row in page.rows}


class _Batch:
    """One request."""

    def __init__(
        self,
        db: Database,
        jobs: JobService,
        pauses: PauseService,
        body: BulkRequest,
        call: BulkCall,
        names: Mapping[UUID, str],
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._pauses = pauses
        self._body = body
        self._call = call
        self._names = names
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._is_database_away = False

    async def do(self, ids: Sequence[UUID]) -> list[BulkResult]:
        """In the order of the ids."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._one(job_id)) for job_id in ids]
        return [task.result() for task in tasks]

    async def _one(self, job_id: UUID) -> BulkResult:
        async with self._turn:
            try:
                if self._is_database_away:
                    raise Unavailable
                run_id = await (self._rehearse(job_id) if self._body.dry_run else self._act(job_id))
            except TocsinError as error:
                self._is_database_away |= isinstance(error, Unavailable)
                return self._failed(job_id, error)
            except (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError, asyncpg.DeadlockDetectedError):
                return self._failed(job_id, Unavailable("others are working on this job; try again"))
            return BulkResult(job_id=job_id, name=self._names.get(job_id), ok=True, run_id=run_id)

    def _failed(self, job_id: UUID, error: TocsinError) -> BulkResult:
        name = self._names.get(job_id)
        return BulkResult(job_id=job_id, name=name, ok=False, code=error.code, error=str(error))

    async def _act(self, job_id: UUID) -> UUID | None:
        """Do it to one job; the run when that starts one."""
        ref, by = str(job_id), self._call.by
        match self._body.action:
            case BulkAction.TRIGGER:
                started = await self._jobs.trigger(
                    ref,
                    TriggerRequest(params=self._body.params),
                    by,
                    kind=self._call.kind,
                    idempotency_key=self._key_for(job_id),
                )
                return UUID(started["run_id"])
            case BulkAction.DELETE:
                await self._jobs.delete(ref, by)
            case BulkAction.PAUSE:
                await self._pauses.pause(ref, PauseRequest(note=self._body.note, until=self._body.until), by)
            case BulkAction.RESUME:
                await self._resume(job_id)
            case _:
                await self._jobs.update(ref, self._update(), by)
        return None

    async def _resume(self, job_id: UUID) -> None:
        """Let it act again; a schedule that had nothing more to fire is looked at anew."""
        await self._pauses.resume(str(job_id), self._call.by)
        await self._jobs.update(str(job_id), self._update(), self._call.by)

    async def _rehearse(self, job_id: UUID) -> None:
        """Do it and take it back; a run is not even begun."""
        try:
            async with self._db.transaction() as session:
                if self._body.action is BulkAction.TRIGGER:
                    if await share_job(session, job_id) is None:
                        raise NotFound(f"there is no job '{job_id}'")
                else:
                    row = await self._jobs.lock_in(session, job_id, str(job_id))
                    if self._body.action is BulkAction.DELETE:
                        await self._jobs.delete_in(session, row, self._call.by)
                    else:
                        await self._jobs.update_in(session, row, self._update(), self._call.by)
                raise _Rehearsed
        except _Rehearsed:
            return

    def _update(self) -> JobUpdate:
        changes: dict[BulkAction, dict[str, Any]] = {
            BulkAction.PAUSE: {"status": JobStatus.PAUSED},
            BulkAction.RESUME: {"status": JobStatus.SCHEDULED},
            BulkAction.MOVE: {"group": self._body.group},
            BulkAction.SET_PRIORITY: {"priority": self._body.priority},
        }
        return JobUpdate(**changes[self._body.action])

    def _key_for(self, job_id: UUID) -> str | None:
        """A key of this job's own: the same request triggers it once, and its other jobs all the same."""
        key = self._call.idempotency_key
        if key is None:
            return None
        return f"bulk-{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:32]}-{job_id}"


class _Rehearsed(Exception):
    """Roll back."""

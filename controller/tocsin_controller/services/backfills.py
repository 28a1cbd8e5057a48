"""Backfills as people ask for them: what is checked, shown and cancelled."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg

from tocsin_controller.hints import OUTBOX, Hints
from tocsin_controller.scheduling.backfilling import BACKFILL, before, instants_of, owed
from tocsin_controller.scheduling.fires import count_fires
from tocsin_controller.scheduling.named_calendars import load_calendars, names_used
from tocsin_controller.scheduling.timing import AfterFinish, OnDemand, timing_of
from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.idempotency import Repeatable, once
from tocsin_controller.services.jobs import JobService
from tocsin_controller.store.backfills import (
    NewBackfill,
    backfill_run_counts,
    backfills_shown,
    insert_backfill,
    lock_backfill,
    move_backfill,
    open_backfill_runs,
)
from tocsin_controller.store.database import Database, Record, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.jobs import StoredJob, read_clock, share_job
from tocsin_controller.store.outbox import add_to_outbox
from tocsin_controller.workflow.cancel import Canceller
from tocsin_shared.backfills import MOST_INSTANTS, BackfillRequest
from tocsin_shared.errors import Conflict, InvalidInput, NotFound
from tocsin_shared.ids import new_id

#: Instants that a dry run lists.
LISTED = 1000


class BackfillService:
    """Runs for a range of the past."""

    def __init__(self, db: Database, hints: Hints, jobs: JobService, canceller: Canceller) -> None:
        self._db = db
        self._hints = hints
        self._jobs = jobs
        self._canceller = canceller

    async def begin(
        self, ref: str, body: BackfillRequest, by: Principal, *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Begin it, or only try it. Raises NotFound, InvalidInput, Conflict while another one runs for the job."""
        job_id = await self._jobs.find_id(ref)
        request = Repeatable.of(by.key_id, idempotency_key, "backfill", job_id, body.model_dump(mode="json"))

        async def do() -> dict[str, Any]:
            job = await share_job(session, job_id)
            if job is None:
                raise NotFound(f"there is no job '{ref[:100]}'")
            return await self._begin(session, job, body, by)

        try:
            async with self._db.transaction() as session:
                answer = await once(session, None if body.dry_run else request, do)
        except asyncpg.UniqueViolationError:
            raise Conflict("a backfill of this job is running; cancel it, or wait for its end") from None
        self._hints.hint(OUTBOX)
        return answer if body.dry_run else await self.get(UUID(answer["id"]))

    async def get(self, backfill_id: UUID) -> dict[str, Any]:
        """One backfill. Raises NotFound."""
        rows = await backfills_shown(self._db, backfill_id=backfill_id)
        if not rows:
            raise NotFound(f"there is no backfill {backfill_id}")
        return (await self._shown(rows))[0]

    async def of_job(self, ref: str) -> list[dict[str, Any]]:
        """The job's backfills, newest first. Raises NotFound."""
        return await self._shown(await backfills_shown(self._db, job_id=await self._jobs.find_id(ref)))

    async def cancel(self, backfill_id: UUID, by: Principal, *, cancel_runs: bool) -> dict[str, Any]:
        """No more runs; with `cancel_runs` those that are open are cancelled. Raises NotFound."""
        async with self._db.transaction() as session:
            row = await lock_backfill(session, backfill_id)
            if row is None:
                raise NotFound(f"there is no backfill {backfill_id}")
            if row["status"] == "running":
                await move_backfill(session, backfill_id, row["cursor_at"], status="cancelled")
                await add_audit(session, by, "backfill.cancelled", "job", row["job_id"], str(backfill_id))
        if cancel_runs:
            for run_id in await open_backfill_runs(self._db, backfill_id, row["job_id"]):
                await self._canceller.cancel_run(run_id, by=by)
        return await self.get(backfill_id)

    async def _begin(
        self, session: Session, job: StoredJob, body: BackfillRequest, by: Principal
    ) -> dict[str, Any]:
        now = await read_clock(session)
        calendars = await load_calendars(session, names_used(job.definition))
        timing = timing_of(job.definition, job.anchor, calendars)
        if isinstance(timing.rule, OnDemand | AfterFinish):
            raise InvalidInput("the job's schedule has no instants of its own")
        if body.until < body.since:
            raise InvalidInput.field("to", "must not be before `from`")
        if body.until > now:
            raise InvalidInput.field("to", "must not be in the future: the schedule itself sees to that")
        after = before(body.since)
        count = await asyncio.to_thread(count_fires, timing, after, body.until)
        if count > MOST_INSTANTS:
            raise InvalidInput.field("to", f"the range has {count} instants; {MOST_INSTANTS} are allowed")
        shown = {
            "job_id": job.id,
            "job_name": job.name,
            "from": body.since,
            "to": body.until,
            "max_concurrent": body.max_concurrent,
            "include_skipped": body.include_skipped,
            "instants": count,
        }
        if body.dry_run:
            instants = await asyncio.to_thread(instants_of, timing, after, body.until, MOST_INSTANTS)
            found = await owed(session, job.id, instants, include_skipped=body.include_skipped)
            would_run = [instant for instant, _ in found.runs[:LISTED]]
            return {
                "id": None,
                "status": "dry_run",
                "left_out": found.left_out,
                "would_run": would_run,
                **shown,
            }
        new = NewBackfill(
            id=new_id(),
            job_id=job.id,
            job_name=job.name,
            job_version=job.version,
            anchor=job.anchor,
            from_at=body.since,
            to_at=body.until,
            max_concurrent=body.max_concurrent,
            include_skipped=body.include_skipped,
            cursor_at=after,
            instants=count,
            created_by=by.name,
        )
        await insert_backfill(session, new)
        await add_to_outbox(session, BACKFILL, [{"id": str(new.id)}])
        details = f"{count} instants from {body.since:%Y-%m-%dT%H:%M:%SZ} to {body.until:%Y-%m-%dT%H:%M:%SZ}"
        message = f"A backfill of job '{job.name}' was started"
        told = NewEvent(
            "backfill.started", "info", message, job_id=job.id, api_key_id=by.key_id, api_key_name=by.name,
            details=details,
        )  # fmt: skip
        await add_events(session, [told])
        await add_audit(session, by, "backfill.started", "job", job.id, details)
        return {"id": str(new.id)}

    async def _shown(self, rows: list[Record]) -> list[dict[str, Any]]:
        counts = await backfill_run_counts(self._db, [row["id"] for row in rows])
        keys = (
            "id", "job_id", "job_name", "status", "max_concurrent", "include_skipped", "instants", "left_out",
            "created_by", "created_at", "finished_at",
        )  # fmt: skip
        return [
            {key: row[key] for key in keys}
            | {"from": row["from_at"], "to": row["to_at"], "runs": counts[row["id"]]}
            for row in rows
        ]

"""Creating, changing, deleting and triggering jobs: what is checked, and what changes together."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import ValidationError

from tocsin_controller.hints import EVENTS, TIMERS, Hints
from tocsin_controller.scheduling.checking import check_timing
from tocsin_controller.scheduling.fires import next_fire
from tocsin_controller.scheduling.timing import Timing
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.findings import invalid
from tocsin_controller.store import idempotency
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.jobs import (
    StoredJob,
    agent_exists,
    anchor_of,
    delete_job,
    insert_job,
    insert_job_version,
    job_row,
    lock_job,
    read_clock,
    set_timer,
    share_job,
    stored_job,
    update_job,
)
from tocsin_controller.workflow.cancel import Canceller
from tocsin_controller.workflow.launch import Launcher, Triggered
from tocsin_shared.errors import Conflict, FieldError, InvalidInput, NameTaken, NotFound
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobCreate, JobDefinition, JobStatus, JobUpdate, TriggerRequest
from tocsin_shared.schedules import IntervalSchedule
from tocsin_shared.targets import AgentTarget
from tocsin_shared.tasks import ShellTask
from tocsin_shared.wire import dumps

#: A job changed by somebody else within this time of the one that was read still counts as unmodified.
MODIFIED_TOLERANCE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a trigger tells its caller."""

    message: str
    job_id: UUID
    run_id: UUID
    execution_ids: list[UUID]


class JobService:
    """Jobs as people change them."""

    def __init__(self, db: Database, hints: Hints, launcher: Launcher, canceller: Canceller) -> None:
        self._db = db
        self._hints = hints
        self._launcher = launcher
        self._canceller = canceller

    async def find(self, ref: str) -> StoredJob:
        """A job by id or by exact name. Raises NotFound."""
        row = await job_row(self._db, _ref(ref))
        if row is None:
            raise NotFound(f"there is no job '{ref[:100]}'")
        return stored_job(row)

    async def create(self, body: JobCreate, by: Principal) -> UUID:
        """A new job. Raises InvalidInput, NameTaken."""
        definition = JobDefinition.model_validate(body.model_dump(exclude={"status"}))
        job_id = new_id()
        async with self._db.transaction() as session:
            now = await read_clock(session)
            anchor = anchor_of(definition, now)
            await self._check(session, definition, _timing(definition, anchor), now)
            await _unique_name(insert_job(session, job_id, body.status, definition, by.name), definition.name)
            after = now - timedelta(seconds=1) if isinstance(definition.schedule, IntervalSchedule) else now
            await self._set_timer(session, job_id, 1, definition, body.status, anchor, after)
            await add_events(session, [_event("job.created", definition.name, job_id, by)])
        self._announce()
        return job_id

    async def update(self, ref: str, body: JobUpdate, by: Principal) -> UUID:
        """Change a job. Raises InvalidInput, NameTaken, NotFound, Conflict."""
        job_id = (await self.find(ref)).id
        async with self._db.transaction() as session:
            job = await lock_job(session, job_id)
            if job is None:
                raise NotFound(f"there is no job '{ref[:100]}'")
            if (
                body.if_unmodified_since
                and abs(job.updated_at - body.if_unmodified_since) > MODIFIED_TOLERANCE
            ):
                raise Conflict("the job was modified by another user; read it again")
            try:
                definition = body.merged_over(job.definition)
            except ValidationError as error:
                raise invalid(error) from None
            status = body.status or job.status
            now = await read_clock(session)
            is_new_schedule = _schedule_part(definition) != _schedule_part(job.definition)
            anchor = anchor_of(definition, now) if is_new_schedule else job.anchor
            if is_new_schedule or definition.target != job.definition.target:
                await self._check(session, definition, _timing(definition, anchor), now)
            if is_new_schedule and body.status is None and status is JobStatus.UNSCHEDULED:
                status = JobStatus.SCHEDULED
            version = job.version
            if definition != job.definition:
                version += 1
                await insert_job_version(session, job_id, version, definition, by.name)
            await _unique_name(update_job(session, job_id, status, version, definition), definition.name)
            await self._set_timer(session, job_id, version, definition, status, anchor, now)
            await add_events(session, [_event("job.updated", definition.name, job_id, by)])
        self._announce()
        return job_id

    async def delete(self, ref: str, by: Principal) -> None:
        """Delete a job; what waits is cancelled, what runs ends by itself, history stays."""
        job_id = (await self.find(ref)).id
        async with self._db.transaction() as session:
            job = await lock_job(session, job_id)
            if job is None:
                raise NotFound(f"there is no job '{ref[:100]}'")
            aftermath = await self._canceller.cancel_waiting(session, job_id)
            await delete_job(session, job_id)
            await add_events(session, [_event("job.deleted", job.name, job_id, by)])
        self._canceller.announce(aftermath)
        self._announce()

    async def trigger(
        self, ref: str, body: TriggerRequest, by: Principal, *, idempotency_key: str | None
    ) -> dict[str, Any]:
        """Run a job now, whatever its schedule says. The same Idempotency-Key gets the same answer (G5)."""
        job_id = (await self.find(ref)).id
        launched: Triggered | None = None
        async with self._db.transaction() as session:
            job = await share_job(session, job_id)
            if job is None:
                raise NotFound(f"there is no job '{ref[:100]}'")
            request_hash = hashlib.sha256(job_id.bytes + dumps(body.model_dump(mode="json"))).digest()
            if idempotency_key:
                known = await idempotency.answer(session, str(by.key_id), idempotency_key)
                if known is not None:
                    return idempotency.same_request(known, request_hash)
            launched = await self._launcher.trigger(
                session, job_id, job.version, job.definition, trigger={"type": "api"}, params=body.params
            )
            answer = {
                "message": "job triggered",
                "job_id": str(job_id),
                "run_id": str(launched.run_id),
                "execution_ids": [str(e) for e in launched.execution_ids],
            }
            if idempotency_key:
                await idempotency.keep(session, str(by.key_id), idempotency_key, request_hash, answer)
            event = _event("job.triggered", job.name, job_id, by, run_id=launched.run_id)
            await add_events(session, [event])
        self._launcher.announce(launched)
        self._hints.hint(EVENTS)
        return answer

    async def _check(
        self, session: Session, definition: JobDefinition, timing: Timing, now: datetime
    ) -> None:
        """What a model alone can't know. Raises InvalidInput with everything that is wrong."""
        wrong: list[FieldError] = []
        try:
            check_timing(timing, now=now)
        except InvalidInput as error:
            wrong += error.details
        target = definition.target
        if isinstance(target, AgentTarget) and not await agent_exists(session, target.agent_id):
            wrong.append(FieldError("target.agent_id", "there is no such agent"))
        if definition.run_as and not isinstance(definition.task, ShellTask):
            wrong.append(FieldError("run_as", "only shell tasks can run as another account"))
        if wrong:
            raise InvalidInput(f"{wrong[0].field}: {wrong[0].reason}", details=wrong)

    async def _set_timer(
        self,
        session: Session,
        job_id: UUID,
        version: int,
        definition: JobDefinition,
        status: JobStatus,
        anchor: datetime,
        after: datetime,
    ) -> None:
        next_fire_at = None
        if status is JobStatus.SCHEDULED:
            timing = _timing(definition, anchor)
            one_shot = definition.schedule.type == "one_shot"
            fire = next_fire(timing, datetime.min.replace(tzinfo=after.tzinfo) if one_shot else after)
            next_fire_at = fire.at if fire else None
        await set_timer(
            session,
            job_id,
            version=version,
            priority=definition.priority,
            next_fire_at=next_fire_at,
            anchor=anchor,
        )

    def _announce(self) -> None:
        self._hints.hint(TIMERS)
        self._hints.hint(EVENTS)


def _ref(ref: str) -> UUID | str:
    try:
        return UUID(ref)
    except ValueError:
        return ref


def _timing(definition: JobDefinition, anchor: datetime) -> Timing:
    return Timing.of(
        definition.schedule,
        created_at=anchor,
        timezone=definition.timezone,
        dst=definition.dst,
        starts_at=definition.starts_at,
        expires_at=definition.expires_at,
    )


def _schedule_part(d: JobDefinition) -> tuple[Any, ...]:
    return d.schedule, d.timezone, d.dst, d.starts_at, d.expires_at


async def _unique_name(write: Any, name: str) -> None:
    try:
        await write
    except asyncpg.UniqueViolationError:
        raise NameTaken(f"a job named '{name}' exists") from None


def _event(kind: str, name: str, job_id: UUID, by: Principal, *, run_id: UUID | None = None) -> NewEvent:
    verb = kind.rpartition(".")[2]
    return NewEvent(
        kind=kind,
        severity="info",
        message=f"Job '{name}' was {verb}",
        job_id=job_id,
        run_id=run_id,
        api_key_id=by.key_id,
        api_key_name=by.name,
    )

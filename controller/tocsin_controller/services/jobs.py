"""Creating, changing, deleting and triggering jobs: what is checked, and what changes together."""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import ValidationError

from tocsin_controller.hints import EVENTS, TIMERS, Hints
from tocsin_controller.rules.checking import check_rules
from tocsin_controller.scheduling.alerts.arming import arm
from tocsin_controller.scheduling.checking import mistakes
from tocsin_controller.scheduling.fires import next_fire
from tocsin_controller.scheduling.overtaken import overtaken
from tocsin_controller.scheduling.timing import Every, Timing, timing_of
from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.services import dependencies
from tocsin_controller.services.change_events import change_event
from tocsin_controller.services.deadlocks import again_after_deadlock
from tocsin_controller.services.etags import Precondition
from tocsin_controller.services.findings import invalid
from tocsin_controller.services.idempotency import Repeatable, once
from tocsin_controller.services.job_audit import job_changes
from tocsin_controller.services.job_calendars import calendars_for, note_calendars
from tocsin_controller.services.job_checks import check_definition, check_new_timing, refuse
from tocsin_controller.services.job_connections import note_connection
from tocsin_controller.services.job_events import note_event_trigger
from tocsin_controller.services.starting import Asked, Asker, RunStarter
from tocsin_controller.services.versions import definition_to_return_to
from tocsin_controller.store.database import Database, Record, Session
from tocsin_controller.store.events import add_events
from tocsin_controller.store.jobs import (
    StoredJob,
    anchor_of,
    can_be_read,
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
    with_definition,
)
from tocsin_controller.store.watches import forget_alerts
from tocsin_controller.workflow.cancel import Canceller
from tocsin_controller.workflow.causes import trigger_of
from tocsin_controller.workflow.ending import Aftermath
from tocsin_controller.workflow.launch import launch
from tocsin_controller.workflow.losing import LossPace
from tocsin_shared.errors import Conflict, FieldError, NameTaken, NotFound
from tocsin_shared.event_schedules import EventSchedule
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobCreate, JobDefinition, JobStatus, JobUpdate, TriggerRequest
from tocsin_shared.jobs_history import RollbackRequest
from tocsin_shared.network import GUARDED, Reach
from tocsin_shared.schedules import OneShotSchedule
from tocsin_shared.tasks.fitting import connection_of

#: To compare two timings apart from it.
_ANY_ANCHOR = datetime(2000, 1, 1, tzinfo=UTC)


class JobService:
    """Jobs as people change them."""

    def __init__(
        self,
        db: Database,
        hints: Hints,
        starter: RunStarter,
        canceller: Canceller,
        pace: LossPace,
        reach: Reach | None = None,
    ) -> None:
        self._db = db
        self._hints = hints
        self._starter = starter
        self._canceller = canceller
        self._pace = pace
        self._reach = reach or GUARDED

    async def find_id(self, ref: str) -> UUID:
        """The id behind an id or an exact name; a deleted job still has its id. Raises NotFound for names."""
        job = self.ref(ref)
        if isinstance(job, UUID):
            return job
        row = await job_row(self._db, job)
        if row is None:
            raise _no_job(ref)
        found: UUID = row["id"]
        return found

    @staticmethod
    def ref(ref: str) -> UUID | str:
        """What a path says: an id, or else a name."""
        try:
            return UUID(ref)
        except ValueError:
            return ref

    @again_after_deadlock
    async def create(self, body: JobCreate, by: Principal, *, idempotency_key: str | None = None) -> UUID:
        """A new job. Raises InvalidInput, NameTaken. The same Idempotency-Key gets the same job (G5)."""
        asked = "create", body.model_dump(mode="json")
        request = Repeatable.of(by.key_id, idempotency_key, *asked)
        definition = JobDefinition.model_validate(body.model_dump(exclude={"status"}))

        async def do() -> dict[str, Any]:
            return {"job_id": str(await self.create_in(session, definition, body.status, by))}

        async with self._db.transaction() as session:
            answer = await once(session, request, do)
        self.announce()
        return UUID(answer["job_id"])

    @again_after_deadlock
    async def check(self, body: JobCreate) -> None:
        """Whether `create` would take this, but for its name, which may be in use. Raises InvalidInput."""
        definition = JobDefinition.model_validate(body.model_dump(exclude={"status"}))
        async with self._db.transaction() as session:
            await self._checked(session, definition, body.status)

    async def create_in(
        self,
        session: Session,
        definition: JobDefinition,
        status: JobStatus,
        by: Principal,
        *,
        job_id: UUID | None = None,
        is_copy: bool = False,
    ) -> UUID:
        """A new job in the caller's transaction, who announces it. Raises InvalidInput, NameTaken.

        The time of a copy from elsewhere may have passed when it is not scheduled.
        """
        job_id = job_id or new_id()
        definition, timing, now = await self._checked(session, definition, status, is_copy=is_copy)
        anchor = anchor_of(definition, now)
        await _unique_name(insert_job(session, job_id, status, definition, by.name), definition.name)
        await note_calendars(session, job_id, definition, None)
        if connection_of(definition.task) is not None:
            await note_connection(session, job_id, definition, None)
        if isinstance(definition.schedule, EventSchedule):
            await note_event_trigger(session, job_id, definition, None)
        next_fire_at = _first_fire(timing, definition, now) if status is JobStatus.SCHEDULED else None
        await set_timer(
            session,
            job_id,
            version=1,
            priority=definition.priority,
            next_fire_at=next_fire_at,
            anchor=anchor,
        )
        if definition.depends_on:
            await dependencies.save(session, job_id, definition)
        await arm(session, job_id, None, definition, now)
        await add_events(session, [change_event("job.created", definition.name, by, job_id=job_id)])
        await add_audit(session, by, "job.created", "job", job_id, f"'{definition.name}'")
        return job_id

    @again_after_deadlock
    async def update(
        self, ref: str, body: JobUpdate, by: Principal, *, if_match: Precondition | None = None
    ) -> UUID:
        """Change a job. Raises InvalidInput, NameTaken, NotFound, Conflict, PreconditionFailed."""
        job_id = await self.find_id(ref)
        async with self._db.transaction() as session:
            row = await self.lock_in(session, job_id, ref, if_match)
            if body.if_unmodified_since and _was_modified(row["updated_at"], body.if_unmodified_since):
                raise Conflict("the job was modified by another user; read it again")
            await self.update_in(session, row, body, by)
        self.announce()
        return job_id

    @again_after_deadlock
    async def rollback(
        self, ref: str, body: RollbackRequest, by: Principal, *, if_match: Precondition | None = None
    ) -> UUID:
        """A new version that equals an old one, checked as any change is. Raises as `update` does."""
        job_id = await self.find_id(ref)
        async with self._db.transaction() as session:
            row = await self.lock_in(session, job_id, ref, if_match)
            if body.if_unmodified_since and _was_modified(row["updated_at"], body.if_unmodified_since):
                raise Conflict("the job was modified by another user; read it again")
            definition = await definition_to_return_to(session, job_id, body.version)
            note = f"rolled back to version {body.version}"
            await self.save_in(session, row, definition, None, by, note=note)
        self.announce()
        return job_id

    async def lock_in(
        self, session: Session, job_id: UUID, ref: str, if_match: Precondition | None = None
    ) -> Record:
        """The job's row, locked until the transaction ends. Raises NotFound, PreconditionFailed."""
        row = await lock_job(session, job_id)
        if row is None:
            raise _no_job(ref)
        if if_match is not None:
            if_match.check(row)
        return row

    async def update_in(self, session: Session, row: Record, body: JobUpdate, by: Principal) -> None:
        """Change a job whose row is locked in the caller's transaction, who announces it."""
        try:
            definition = body.merged_over(
                stored_job(row).definition if can_be_read(row) else row["definition"]
            )
        except ValidationError as error:
            raise invalid(error, body.model_dump(mode="json", exclude_unset=True)) from None
        await self.save_in(session, row, definition, body.status, by)

    async def save_in(
        self,
        session: Session,
        row: Record,
        definition: JobDefinition,
        new_status: JobStatus | None,
        by: Principal,
        *,
        note: str | None = None,
    ) -> None:
        """Replace the definition of a job whose row is locked; no status means that it need not change."""
        is_readable = can_be_read(row)
        job = stored_job(row) if is_readable else with_definition(row, definition)
        now = await read_clock(session)
        is_new_schedule = not is_readable or _schedule_part(definition) != _schedule_part(job.definition)
        status = new_status or job.status
        if is_new_schedule and new_status is None and status is JobStatus.UNSCHEDULED:
            status = JobStatus.SCHEDULED
        is_enabled = status is JobStatus.SCHEDULED and job.status is not JobStatus.SCHEDULED
        anchor = anchor_of(definition, now) if is_new_schedule else job.anchor
        calendars, wrong = await calendars_for(session, definition)
        timing = timing_of(definition, anchor, calendars)
        if is_new_schedule or is_enabled:
            wrong += check_new_timing(timing, now=now)
        refuse([*wrong, *await self._wrong(session, definition)])
        before = job.definition.depends_on if is_readable else []
        definition = await dependencies.resolve(session, definition, before, job.id)

        if status is not JobStatus.SCHEDULED:
            next_fire_at = None
        elif is_new_schedule or is_enabled:
            next_fire_at = _next_fire(timing, definition, now)
        else:
            next_fire_at = job.next_fire_at  # an instant that is due right now still fires (G1)

        changes = _changes(job, definition, status)
        if not is_readable:
            changes.append("definition")
        if not changes:
            return
        version = job.version
        if definition != job.definition or not is_readable:
            version += 1
            await insert_job_version(session, job.id, version, definition, by.name)
        if definition.depends_on != before or not is_readable:
            await dependencies.save(session, job.id, definition)
        is_checked = is_new_schedule or is_enabled
        saving = update_job(session, job.id, status, version, definition, is_checked=is_checked)
        await _unique_name(saving, definition.name)
        known = job.definition if is_readable else None
        await note_calendars(session, job.id, definition, known)
        await note_connection(session, job.id, definition, known)
        await note_event_trigger(session, job.id, definition, known)
        if is_readable and next_fire_at != job.next_fire_at:
            await self._record_overtaken(session, job, now, is_paused=status is not JobStatus.SCHEDULED)
        await set_timer(
            session,
            job.id,
            version=version,
            priority=definition.priority,
            next_fire_at=next_fire_at,
            anchor=anchor,
        )
        await arm(session, job.id, job.definition if is_readable else None, definition, now)
        details = f"{note + '; ' if note else ''}changed: {', '.join(changes)} (version {version})"
        await add_events(
            session, [change_event("job.updated", definition.name, by, job_id=job.id, details=details)]
        )
        audited = job_changes(job, definition, status, changes)
        await add_audit(session, by, "job.updated", "job", job.id, changes=audited)

    async def _record_overtaken(
        self, session: Session, job: StoredJob, now: datetime, *, is_paused: bool
    ) -> None:
        """The timer, which is locked, will not fire what is due right now: say so."""
        calendars, _ = await calendars_for(session, job.definition)
        timing = timing_of(job.definition, job.anchor, calendars)
        runs = overtaken(job.id, job.version, timing, job.next_fire_at, now, is_paused=is_paused)
        if runs:
            await launch(session, runs)

    @again_after_deadlock
    async def delete(self, ref: str, by: Principal, *, if_match: Precondition | None = None) -> None:
        """Delete a job; what waits is cancelled, what runs ends by itself, history stays."""
        job_id = await self.find_id(ref)
        async with self._db.transaction() as session:
            row = await self.lock_in(session, job_id, ref, if_match)
            aftermath = await self.delete_in(session, row, by)
        self.announce(aftermath)

    async def delete_in(self, session: Session, row: Record, by: Principal) -> Aftermath:
        """Delete a job whose row is locked in the caller's transaction, who announces what comes of it."""
        await dependencies.refuse_with_dependents(session, row["id"], row["name"])
        aftermath = await self._canceller.cancel_waiting(session, row["id"])
        await delete_job(session, row["id"])
        await forget_alerts(session, row["id"])
        await add_events(session, [change_event("job.deleted", row["name"], by, job_id=row["id"])])
        await add_audit(session, by, "job.deleted", "job", row["id"], f"'{row['name']}'")
        return aftermath

    @again_after_deadlock
    async def trigger(
        self,
        ref: str,
        body: TriggerRequest,
        by: Principal,
        *,
        kind: str = "api",
        idempotency_key: str | None = None,
        skip_deps: bool = False,
    ) -> dict[str, Any]:
        """Run a job now, whatever its schedule says; with `skip_deps`, whatever it waits for.

        The same Idempotency-Key gets the same answer (G5). `kind` says through what it was asked for: `api` or `cli`.
        """
        job_id = await self.find_id(ref)
        asked_for = "trigger", job_id, body.model_dump(mode="json"), skip_deps
        request = Repeatable.of(by.key_id, idempotency_key, *asked_for)

        async def ask(session: Session) -> Asked:
            job = await share_job(session, job_id)
            if job is None:
                raise _no_job(ref)
            trigger = trigger_of(kind, by=by.name)
            return Asked(job_id, job.version, job.definition, trigger, body.params, skip_deps=skip_deps)

        return await self._starter.start(request, ask, Asker.of(by))

    def announce(self, *aftermaths: Aftermath) -> None:
        """Tell everybody, once the transaction is committed."""
        for aftermath in aftermaths:
            self._canceller.announce(aftermath)
        self._hints.hint(TIMERS)
        self._hints.hint(EVENTS)

    async def _checked(
        self, session: Session, definition: JobDefinition, status: JobStatus, *, is_copy: bool = False
    ) -> tuple[JobDefinition, Timing, datetime]:
        """A new definition with its dependencies named by id, its timing, and the time. Raises InvalidInput."""
        now = await read_clock(session)
        calendars, wrong = await calendars_for(session, definition)
        timing = timing_of(definition, anchor_of(definition, now), calendars)
        may_be_over = is_copy and status is not JobStatus.SCHEDULED
        wrong += mistakes(timing) if may_be_over else check_new_timing(timing, now=now)
        refuse([*wrong, *await self._wrong(session, definition)])
        return await dependencies.resolve(session, definition), timing, now

    async def _wrong(self, session: Session, definition: JobDefinition) -> list[FieldError]:
        """Everything wrong with a definition but its timing."""
        wrong = await check_definition(session, definition, self._pace)
        if definition.output_rules is not None:
            wrong += check_rules(definition.output_rules, self._reach)
        return wrong


def _no_job(ref: str) -> NotFound:
    return NotFound(f"there is no job '{ref[:100]}'")


def _first_fire(timing: Timing, definition: JobDefinition, now: datetime) -> datetime | None:
    """When a new job is first due: an interval at its anchor itself, which is this second."""
    if isinstance(timing.rule, Every):
        return _next_fire(timing, definition, now - timedelta(seconds=1))
    return _next_fire(timing, definition, now)


def _next_fire(timing: Timing, definition: JobDefinition, after: datetime) -> datetime | None:
    """When the schedule is due next. An instant of its own that has passed is due at once."""
    if isinstance(definition.schedule, OneShotSchedule):
        after = datetime.min.replace(tzinfo=after.tzinfo)
    fire = next_fire(timing, after)
    return fire.at if fire else None


def _schedule_part(d: JobDefinition) -> tuple[Any, ...]:
    return d.schedule, d.timezone, d.dst, d.starts_at, d.expires_at, timing_of(d, _ANY_ANCHOR).rule


def _was_modified(updated_at: datetime, read_at: datetime) -> bool:
    """Whether the job changed after it was read. Clients send back less precise instants than they got."""
    if read_at.microsecond == 0:
        tolerance = timedelta(seconds=1)
    elif read_at.microsecond % 1000 == 0:
        tolerance = timedelta(milliseconds=1)
    else:
        tolerance = timedelta(0)
    return updated_at > read_at + tolerance


def _changes(job: StoredJob, definition: JobDefinition, status: JobStatus) -> list[str]:
    """The names of what changes; values may be secrets."""
    names = [n for n in JobDefinition.model_fields if getattr(definition, n) != getattr(job.definition, n)]
    return [*names, *(["status"] if status is not job.status else [])]


async def _unique_name(write: Awaitable[None], name: str) -> None:
    try:
        await write
    except asyncpg.UniqueViolationError:
        raise NameTaken.of("a job", name) from None

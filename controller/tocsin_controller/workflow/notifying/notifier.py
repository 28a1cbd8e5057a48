"""Who is told of what was noted, and how: notices become messages, at most so many an hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from tocsin_controller.hints import EVENTS, MESSAGES, Hints
from tocsin_controller.store import history
from tocsin_controller.store.database import Record, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.jobs import can_be_read, job_row, read_clock, stored_job
from tocsin_controller.store.notices import Bound, lock_bounds, set_bounds
from tocsin_controller.store.outbox import OutboxEntry, add_to_outbox
from tocsin_controller.workflow.notifying.bounding import FLEET, SYSTEM, admit, secs_left
from tocsin_controller.workflow.notifying.channels import (
    EMAIL,
    SMS,
    WEBHOOK,
    FleetNotifications,
    fleet_notifications,
)
from tocsin_controller.workflow.notifying.messages import (
    About,
    HookCall,
    Mail,
    Message,
    Printed,
    Sms,
    send_soon,
)
from tocsin_controller.workflow.notifying.noticing import FAILED, Notice, is_wanted, read_notice, told_of
from tocsin_controller.workflow.notifying.wording import held_back, subject_of, text_of
from tocsin_controller.workflow.outbox import AfterCommit
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.notifications import EmailOutput, NotificationLimits, Notifications

#: The kind of entry that tells, at the end of an hour, how much was held back in it.
HELD_BACK: Final = "notice.held_back"

#: Of the end of stderr, and of each stream where a mail holds the output.
EXCERPT_BYTES: Final = 500
OUTPUT_BYTES: Final = 50_000
#: Executions of a run among which the one that failed is looked for.
_MOST_LOOKED_AT: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Ready:
    """A notice that is to be told."""

    notice: Notice
    job: JobDefinition | None
    #: The job's own word; None: the fleet's defaults count.
    wanted: Notifications | None


class Notifier:
    """Turns notices into messages."""

    def __init__(self, hints: Hints) -> None:
        self._hints = hints

    async def handle(self, session: Session, entries: Sequence[OutboxEntry]) -> AfterCommit | None:
        """See `workflow.outbox.Handler`."""
        fleet = await fleet_notifications(session)
        notices = [read_notice(entry.payload) for entry in entries]
        ready = [found for notice in notices if (found := await _ready(session, notice, fleet))]
        if not ready:
            return None
        for one in await self._within_bounds(session, ready, fleet.limits):
            await _tell(session, one, fleet)
        return self._announce

    async def handle_held_back(self, session: Session, entries: Sequence[OutboxEntry]) -> AfterCommit | None:
        """The same for what says at the end of an hour how much was held back."""
        now = await read_clock(session)
        abouts = sorted({UUID(entry.payload["about"]) for entry in entries})
        bounds = await lock_bounds(session, abouts)
        fleet = await fleet_notifications(session)
        for about in abouts:
            if count := bounds[about].held_back:
                await _tell(session, await _held_back(session, about, count), fleet)
        await set_bounds(session, [Bound(about, now) for about in abouts])
        return self._announce

    async def _within_bounds(
        self, session: Session, ready: Sequence[_Ready], limits: NotificationLimits
    ) -> list[_Ready]:
        now = await read_clock(session)
        abouts = {one.notice.job_id or SYSTEM for one in ready}
        bounds = await lock_bounds(session, [FLEET, *sorted(abouts)])
        admitted: list[_Ready] = []
        held: dict[UUID, Bound] = {}
        for one in ready:
            for about, most in ((one.notice.job_id or SYSTEM, limits.per_job), (FLEET, limits.fleet)):
                admission = admit(bounds[about], most, now)
                bounds[about] = admission.bound
                if admission.untold:
                    admitted.append(await _held_back(session, about, admission.untold, is_late=True))
                if admission.is_first_held:
                    held[about] = admission.bound
                if not admission.is_told:
                    break
            else:
                admitted.append(one)
        await set_bounds(session, list(bounds.values()))
        for about, bound in held.items():
            payload = {"about": str(about)}
            await add_to_outbox(session, HELD_BACK, [payload], delay_secs=secs_left(bound, now))
        return admitted

    def _announce(self) -> None:
        self._hints.hint(MESSAGES, everywhere=False)
        self._hints.hint(EVENTS)


async def _ready(session: Session, notice: Notice, fleet: FleetNotifications) -> _Ready | None:
    """What is known besides; None when nobody wants to be told."""
    if notice.job_id is None:
        return _Ready(notice, None, None) if fleet.system_alerts.agent_offline else None
    job = await _job(session, notice.job_id)
    if job is None or not is_wanted(told_of(job, fleet.defaults), notice.kinds):
        return None
    return _Ready(notice, job, job.notifications)


async def _held_back(session: Session, about: UUID, count: int, *, is_late: bool = False) -> _Ready:
    found = await _job(session, about) if about not in (FLEET, SYSTEM) else None
    notice = held_back(count, about, found.name if found else None, is_late=is_late)
    return _Ready(notice, found, found.notifications if found else None)


async def _job(session: Session, job_id: UUID) -> JobDefinition | None:
    """As it is now: whoever is to be told may have changed since."""
    row = await job_row(session, job_id)
    return stored_job(row).definition if row is not None and can_be_read(row) else None


async def _tell(session: Session, one: _Ready, fleet: FleetNotifications) -> None:
    notice, job = one.notice, one.job
    run = await history.run(session, notice.run_id) if notice.run_id else None
    execution_id = await _telling_execution(session, run) if run is not None else None
    excerpt, output = _printed(one, run, execution_id)
    subject, text = subject_of(notice), text_of(notice, job, run)
    to = one.wanted.recipients if one.wanted and one.wanted.recipients is not None else fleet.recipients
    messages: list[Message] = []
    if EMAIL in fleet.channels:
        messages += [Mail(address, subject, text, output or excerpt) for address in to.emails]
    if SMS in fleet.channels:
        messages += [Sms(number, f"{subject}\n{' '.join(notice.texts[1:])}".strip()) for number in to.phones]
    if WEBHOOK in fleet.channels:
        trouble = f"tocsin:{notice.job_id}" if notice.job_id else None
        facts = _facts(notice, job, run, execution_id)
        messages.append(HookCall(subject, text, notice.severity, facts, trouble, excerpt))
    about = About(notice.job_id, notice.run_id, job.name if job else None)
    await send_soon(session, messages, about)
    if not messages and one.wanted is not None:
        await add_events(session, [_unheard(notice, about)])


def _printed(
    one: _Ready, run: Record | None, execution_id: UUID | None
) -> tuple[Printed | None, Printed | None]:
    """What is shown of the output, and what a mail holds of it instead."""
    if run is None or execution_id is None:
        return None, None
    is_failure = run["status"] in FAILED
    wanted = one.wanted.email_output if one.wanted else None
    is_whole = wanted is EmailOutput.ALWAYS or (wanted is EmailOutput.FAILURE and is_failure)
    return (
        Printed(execution_id, 0, EXCERPT_BYTES) if is_failure else None,
        Printed(execution_id, OUTPUT_BYTES, OUTPUT_BYTES) if is_whole else None,
    )


async def _telling_execution(session: Session, run: Record) -> UUID | None:
    """The newest one that ended as the run did; None while it has not ended."""
    if run["finished_at"] is None:
        return None
    ids = await history.executions_of_run(session, run["id"], _MOST_LOOKED_AT)
    for row in await history.executions_shown(session, ids):
        if row["status"] == run["status"]:
            found: UUID = row["id"]
            return found
    return None


def _facts(
    notice: Notice, job: JobDefinition | None, run: Record | None, execution_id: UUID | None
) -> dict[str, Any]:
    facts: dict[str, Any] = {"kind": notice.kinds[0], "kinds": list(notice.kinds)}
    if job is not None:
        facts |= {"job": job.name, "group": job.group, "job_id": str(notice.job_id)}
    if run is not None:
        facts |= {"run_id": str(run["id"]), "status": run["status"], "reason": run["reason"]}
        facts |= {key: run[key].isoformat() if run[key] else None for key in ("started_at", "finished_at")}
        facts["execution_id"] = str(execution_id) if execution_id else None
    return facts


def _unheard(notice: Notice, about: About) -> NewEvent:
    return NewEvent(
        "notification.failed",
        "error",
        f"Nobody could be told about job '{about.job_name}'",
        job_id=notice.job_id,
        run_id=notice.run_id,
        details="no channel is switched on for those who are to be told (notification_email, _sms, _webhook)",
    )

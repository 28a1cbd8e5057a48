"""What may be worth telling: noted in the transaction that makes it true, decided and worded a moment later.

Whether anybody is to be told, who, and whether that would be too much, is for `notifier`: nothing here takes a lock.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from tocsin_controller.store.database import Session
from tocsin_controller.store.events import NewEvent, Severity
from tocsin_controller.store.outbox import add_to_outbox
from tocsin_shared.executions import Reason, RunStatus
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.notifications import Told

#: The kind of entry in the outbox.
NOTICE: Final = "notice"

#: Agents that a notice names.
_MOST_NAMED: Final = 50

FAILED: Final = frozenset({RunStatus.FAILED, RunStatus.TIMED_OUT, RunStatus.LOST})


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that may be worth telling."""

    #: What happened: kinds of event, or `run.failed`, `run.succeeded`, `run.recovered`.
    kinds: tuple[str, ...]
    severity: Severity
    #: A sentence for each; the first is the subject.
    texts: tuple[str, ...]
    job_id: UUID | None = None
    run_id: UUID | None = None


async def note(session: Session, notices: Sequence[Notice]) -> None:
    """Have these considered, if the caller's transaction commits; hint `outbox` after that."""
    await add_to_outbox(session, NOTICE, [_payload(notice) for notice in notices])


def read_notice(payload: dict[str, Any]) -> Notice:
    """What `note` noted. Raises KeyError or ValueError for what another release noted otherwise."""
    ids = [UUID(payload[key]) if payload[key] else None for key in ("job_id", "run_id")]
    return Notice(tuple(payload["kinds"]), payload["severity"], tuple(payload["texts"]), *ids)


def notices_of(events: Sequence[NewEvent]) -> list[Notice]:
    """Events about jobs that may be worth a notification: deadlines and alerts."""
    return [
        Notice(
            (event.kind,),
            event.severity,
            (event.message, *([event.details] if event.details else [])),
            event.job_id,
            event.run_id,
        )
        for event in events
        if event.job_id is not None
    ]


def offline_notices(names: Sequence[str]) -> list[Notice]:
    """Agents that went offline together are one notice."""
    if not names:
        return []
    if len(names) == 1:
        return [Notice(("agent.offline",), "error", (f"Agent '{names[0]}' is offline",))]
    shown = ", ".join(f"'{name}'" for name in names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return [Notice(("agent.offline",), "error", (f"{len(names)} agents are offline", shown + more))]


def told_of(job: JobDefinition, defaults: Told) -> Told:
    """What of this job is told."""
    return job.notifications or defaults


def minds_end(told: Told, status: str) -> bool:
    """Whether a run that ends so may have to be told, or counted."""
    if told.on_recovery:
        return True
    if status in FAILED:
        return told.on_failure or told.on_assertion_failure
    return told.on_success and status == RunStatus.SUCCEEDED


def is_told(told: Told, status: str, reason: str | None) -> bool:
    """Whether the end itself is told."""
    if status in FAILED:
        return told.on_failure or (told.on_assertion_failure and reason == Reason.ASSERTION_FAILED.value)
    return told.on_success and status == RunStatus.SUCCEEDED


def is_wanted(told: Told, kinds: Collection[str]) -> bool:
    """Whether what was noted is told: ends were judged when they were noted."""
    return any(
        told.on_sla if kind.startswith("sla.") else told.on_alert if kind.startswith("job.") else True
        for kind in kinds
    )


def _payload(notice: Notice) -> dict[str, Any]:
    return {
        "kinds": list(notice.kinds),
        "severity": notice.severity,
        "texts": list(notice.texts),
        "job_id": str(notice.job_id) if notice.job_id else None,
        "run_id": str(notice.run_id) if notice.run_id else None,
    }

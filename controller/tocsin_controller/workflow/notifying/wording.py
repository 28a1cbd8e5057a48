"""What notifications say. Pure."""

from datetime import UTC, datetime
from uuid import UUID

from tocsin_controller.store.database import Record
from tocsin_controller.workflow.notifying.bounding import FLEET, SYSTEM
from tocsin_controller.workflow.notifying.noticing import Notice
from tocsin_shared.jobs import JobDefinition


def subject_of(notice: Notice) -> str:
    """One line."""
    return f"[Tocsin] {notice.texts[0]}"


def text_of(notice: Notice, job: JobDefinition | None, run: Record | None) -> str:
    """All of it but what was printed."""
    lines = [*notice.texts, ""]
    if job is not None:
        lines.append(f"Job: {job.name} (group {job.group})")
    if run is not None:
        reason = f" ({run['reason']})" if run["reason"] else ""
        lines.append(f"Run: {run['id']}, {run['status'].replace('_', ' ')}{reason}")
        if run["message"]:
            lines.append(f"Message: {run['message']}")
        hosts = run["succeeded"] + run["failed"] + run["timed_out"] + run["lost"] + run["cancelled"]
        if hosts > 1:
            lines.append(f"Executions: {run['succeeded']} of {hosts} succeeded")
        for what, at in (("Due", "scheduled_for"), ("Started", "started_at"), ("Ended", "finished_at")):
            if run[at] is not None:
                lines.append(f"{what}: {_instant(run[at])}")
    return "\n".join(lines).rstrip("\n")


def held_back(count: int, about: UUID, name: str | None, *, is_late: bool = False) -> Notice:
    """At the end of an hour that had more than may be told, or long after it."""
    if about == FLEET:
        what = ""
    elif about == SYSTEM:
        what = "about agents "
    else:
        what = f"about job '{name}' " if name is not None else "about a job that was deleted "
    times = "notification" if count == 1 else "notifications"
    when = "in an earlier hour" if is_late else "in the last hour"
    text = f"{count} more {times} {what}{'was' if count == 1 else 'were'} held back {when}"
    job_id = about if name is not None else None
    return Notice(("notification.held_back",), "warning", (text,), job_id)


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"

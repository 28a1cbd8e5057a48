"""What the audit log tells of a changed job: old and new values, where they can't be secrets."""

from collections.abc import Iterable
from typing import Any, Final

from tocsin_controller.security.auditing import HIDDEN, Changes
from tocsin_controller.store.jobs import StoredJob
from tocsin_shared.jobs import JobDefinition, JobStatus

#: Of other fields, tasks above all, it is told only that they changed: what people write there may hold secrets.
#: Every version of the whole definition is kept with the job.
_SHOWN: Final = frozenset(
    {
        "name", "group", "run_as", "schedule", "timezone", "dst", "catchup", "catchup_window_secs", "starts_at",
        "expires_at", "jitter_secs", "blackouts", "target", "rollout", "timeout_secs", "kill_grace_secs",
        "queue_timeout_secs", "lost_after_secs", "on_lost", "on_lost_max", "limits", "retry_max", "retry_delay_secs",
        "retry_backoff", "priority", "depends_on", "max_concurrent", "overlap", "max_queued", "max_per_agent",
        "concurrency", "sla_deadline", "sla_warning_mins", "approval_required", "approval_expires_secs", "managed_by",
    }
)  # fmt: skip


def job_changes(
    job: StoredJob, definition: JobDefinition, status: JobStatus, changed: Iterable[str]
) -> Changes:
    """Old and new value of each field that changed."""
    before, after = job.definition.model_dump(mode="json"), definition.model_dump(mode="json")
    values: dict[str, tuple[Any, Any]] = {}
    for field in changed:
        if field == "status":
            values[field] = (job.status.value, status.value)
        elif field in _SHOWN:
            values[field] = (before.get(field), after.get(field))
        else:
            values[field] = (HIDDEN, HIDDEN)
    return values

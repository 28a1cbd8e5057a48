"""What happened, who changed what, and what could not be done."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from tocsin_shared.views.base import View


class EventView(View):
    """Something that happened."""

    id: UUID
    kind: str
    severity: Literal["info", "success", "warning", "error"]
    message: str
    job_id: UUID | None
    run_id: UUID | None
    execution_id: UUID | None
    agent_id: UUID | None
    api_key_id: UUID | None
    api_key_name: str | None
    details: str | None
    timestamp: datetime


class FieldChange(View):
    """What a field was and what it is; the same words twice where the values may be secrets."""

    old: Any
    new: Any


class AuditView(View):
    """One change that somebody made. The audit log is only added to."""

    id: UUID
    timestamp: datetime
    actor_key_id: UUID | None
    actor_key_name: str
    #: Where the request came from.
    actor_address: str | None
    operation: str
    resource_type: str
    resource_id: str | None
    details: str | None
    #: By field; null when it was not a change of fields.
    changes: dict[str, FieldChange] | None


class SetAsideView(View):
    """Something that was to be done because of something that happened, and failed too often."""

    id: UUID
    #: What it was: `run.moved`, `event`, `rollout`, ...
    kind: str
    #: Which runs, jobs or events it is about.
    payload: dict[str, Any]
    attempts: int
    last_error: str | None
    set_aside_at: datetime

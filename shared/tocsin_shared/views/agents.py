"""Hosts that run jobs."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from tocsin_shared.views.base import View


class AgentView(View):
    """A host that runs jobs."""

    id: UUID
    name: str
    tags: list[str]
    hostname: str
    address: str
    port: int
    #: `standard` is ours, `custom` somebody else's.
    agent_type: str
    status: Literal["online", "offline", "draining"]
    last_heartbeat: datetime
    registered_at: datetime
    #: Names; of a `custom` agent, what people said it can do, with the fields of each.
    task_types: list[Any]
    system_info: dict[str, Any] | None
    #: How many executions it runs at once.
    capacity: int
    version: str | None
    load: dict[str, Any] | None
    #: What waits on its disk to be delivered.
    spool: dict[str, Any] | None


class RunningView(View):
    """An execution that an agent has."""

    execution_id: UUID
    run_id: UUID
    job_id: UUID
    job_name: str | None
    started: bool
    handed_at: datetime


class AgentDetail(AgentView):
    """An agent and what it has right now."""

    running: list[RunningView]

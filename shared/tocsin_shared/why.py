"""Why something ran, waits or did not run: a list of findings."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from tocsin_shared.eligibility import AgentVerdictView
from tocsin_shared.executions import Reason, RunStatus
from tocsin_shared.jobs import JobStatus
from tocsin_shared.views.base import View


class About(StrEnum):
    """What a finding speaks of."""

    #: Who or what brought the run about.
    ORIGIN = "origin"
    #: What the run, or a part of it, waits for.
    WAITS = "waits"
    #: What goes on right now.
    NOW = "now"
    #: Why it did not run, or not on some hosts.
    NOT_RUN = "not_run"
    #: How it ended.
    ENDED = "ended"
    #: When the job is due.
    DUE = "due"
    #: What would keep the job from running now.
    HINDERS = "hinders"


class FindingView(View):
    """One thing that explains something."""

    about: About
    #: Machine-readable: `trigger`, `place`, `approval`, `no_agent`, `dependency`, ...; a `reason` where there is one.
    code: str
    #: The same for people, with the names of rules, agents, limits and jobs.
    message: str
    since: datetime | None = None
    until: datetime | None = None
    #: Ids of what is named, by kind: `job_id`, `run_id`, `agent_id`, `execution_id`.
    refs: dict[str, UUID] = Field(default_factory=dict)


class RunExplanation(View):
    """Why a run ran, waits, was skipped or did not run."""

    run_id: UUID
    job_id: UUID
    job_name: str | None
    status: RunStatus
    reason: Reason | None
    #: The finding that says most, in one sentence.
    summary: str
    findings: list[FindingView]
    #: While executions wait for an agent: every agent, seen from the job's target.
    agents: list[AgentVerdictView]


class JobExplanation(View):
    """When a job runs next, and what would keep it from running now."""

    job_id: UUID
    job_name: str
    status: JobStatus
    next_fire_time: datetime | None
    #: Whether a run that somebody started now would reach an agent at once.
    would_run_now: bool
    summary: str
    findings: list[FindingView]
    #: Every agent, seen from the job's target.
    agents: list[AgentVerdictView]

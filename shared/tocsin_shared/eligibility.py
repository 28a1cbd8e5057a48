"""Which agents a target means, and what keeps the others away."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from tocsin_shared.targets import Target
from tocsin_shared.views.base import View
from tocsin_shared.wire import Text, UserModel


class Hindrance(StrEnum):
    """What keeps an agent from a job, or from it right now."""

    #: The target names another agent.
    NOT_NAMED = "not_named"
    #: The target is a controller, and this is none; or the reverse.
    NOT_A_CONTROLLER = "not_a_controller"
    #: It lacks a tag, or has one that it must not have.
    TAGS = "tags"
    #: It does not run tasks of this type.
    TASK_TYPE = "task_type"
    #: It has not been heard of for its lease.
    OFFLINE = "offline"
    #: It is told to stop: it ends what it has and takes no more.
    DRAINING = "draining"
    #: All its slots are taken.
    BUSY = "busy"


#: These pass by themselves; the others need somebody to change the agent or the target.
PASSING = frozenset({Hindrance.OFFLINE, Hindrance.DRAINING, Hindrance.BUSY})


class TargetQuestion(UserModel):
    """A target and a type of task, as a job would have them."""

    #: null means on a controller.
    target: Target | None = None
    #: `shell`, `http`, ...
    task_type: Annotated[Text, StringConstraints(min_length=1, max_length=64)] = "shell"


class HindranceView(View):
    """One thing that keeps an agent away."""

    code: Hindrance
    #: The same for people.
    message: str
    #: Since when; null when that is not known or says nothing.
    since: datetime | None = None


class AgentVerdictView(View):
    """One agent, seen from a target."""

    agent_id: UUID
    name: str
    status: str
    tags: list[str]
    #: The target means this agent, though it may be away or busy.
    matches: bool
    #: It could take the work now.
    is_ready: bool
    hindrances: list[HindranceView]


class TargetExplanation(View):
    """What a target means right now."""

    target: Target | None
    task_type: str
    #: One execution per matching host instead of one on whichever is free first.
    is_fan_out: bool
    #: How many agents the target means.
    matching: Annotated[int, Field(ge=0)]
    #: How many of those could take work now.
    ready: Annotated[int, Field(ge=0)]
    #: Those that match first, then by name.
    agents: list[AgentVerdictView]
    #: Further agents that are not listed.
    left_out: int

"""Where a job runs."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from tocsin_shared.wire import Text, UserModel

#: A label on an agent, such as `linux` or `dc:fra1`.
Tag = Annotated[Text, StringConstraints(min_length=1, max_length=64, pattern=r"^[\w][\w.:/=@\-]*$")]


class LocalTarget(UserModel):
    """On a controller."""

    type: Literal["local"]


class AgentTarget(UserModel):
    """On one named agent."""

    type: Literal["agent"]
    agent_id: UUID


class AnyTarget(UserModel):
    """On whichever eligible agent is free first."""

    type: Literal["any"]


class TaggedTarget(UserModel):
    """On whichever eligible agent with the tag is free first."""

    type: Literal["tagged"]
    tag: Tag


class AllTarget(UserModel):
    """On every eligible agent: one execution per host under one run."""

    type: Literal["all"]


Target = Annotated[
    LocalTarget | AgentTarget | AnyTarget | TaggedTarget | AllTarget, Field(discriminator="type")
]

"""How a run came about."""

from uuid import UUID

from pydantic import ConfigDict, Field

from tocsin_shared.wire import Model


class CauseLink(Model):
    """A run that led to another, and how it had come about itself."""

    model_config = ConfigDict(extra="allow")

    type: str
    job_id: UUID
    run_id: UUID


class TriggeredBy(Model):
    """Why there is a run: its schedule, somebody's request, another run, a retry. Who asked stands beside."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        examples=["scheduler", "api", "cli", "webhook", "event", "dependency", "replay", "retry"]
    )
    #: The runs that led to this one, newest last; left out when there are none. Of a long chain the newest 32.
    cause: list[CauseLink] | None = None
    #: How many runs led to this one, those no longer in `cause` included; left out when there are none.
    depth: int | None = None

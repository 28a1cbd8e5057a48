"""Templates: parts of a job's definition that new jobs start from."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    RootModel,
    StringConstraints,
    Tag,
    model_validator,
)

from tocsin_shared.jobs import READ_ONLY_KEYS, JobCreate, JobUpdate
from tocsin_shared.wire import Model, Name, Text, UserModel

#: Free text on one line: other systems' templates have names such as `File Transfer (SFTP)`.
TemplateName = Annotated[
    Text,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f/]+$"),
]

#: Characters of a snapshot as JSON.
MOST_SNAPSHOT_CHARS = 1_000_000


def _something(value: Any) -> Any:
    if value is None:
        raise ValueError("must not be null")
    return value


class TemplateSave(UserModel):
    """A new template, or what replaces the one of this name."""

    name: TemplateName
    description: Annotated[Text, Field(max_length=10_000)] | None = None
    #: Any part of a job's definition; a whole job as it was read will do.
    snapshot: Annotated[Any, AfterValidator(_something)]


class TemplateView(Model):
    """A template."""

    model_config = ConfigDict(extra="forbid")

    name: str
    description: str | None
    snapshot: Any
    #: The name of the key that saved it; `system` for those that came with the product.
    created_by: str
    created_at: datetime


class JobFromTemplate(JobUpdate):
    """A new job that starts from a template; every other field replaces what the template says."""

    template: TemplateName
    name: Name

    @model_validator(mode="after")
    def _is_new(self) -> Self:
        if self.if_unmodified_since is not None:
            raise ValueError("if_unmodified_since: a new job was never modified")
        return self

    def over(self, snapshot: dict[str, Any]) -> dict[str, Any]:
        """The new job's document: the template's, with what was sent instead; null takes a key away."""
        start = {k: v for k, v in snapshot.items() if k not in READ_ONLY_KEYS and k != "status"}
        sent = self.model_dump(mode="json", exclude_unset=True, exclude={"template", "if_unmodified_since"})
        return {
            key: value for key, value in {**start, **sent}.items() if value is not None or key not in sent
        }


def _kind(body: Any) -> str:
    return "from-template" if "template" in dict(body) else "whole-job"


class NewJob(RootModel[Any]):
    """A job: its whole definition, or the name of a template and what is different."""

    model_config = ConfigDict(defer_build=True)

    root: Annotated[
        Annotated[JobCreate, Tag("whole-job")] | Annotated[JobFromTemplate, Tag("from-template")],
        Discriminator(_kind),
    ]

"""Jobs as code: documents say what there should be, and the difference is planned, shown and made."""

from enum import StrEnum
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from tocsin_shared.changes import FieldChange
from tocsin_shared.jobs import GroupName
from tocsin_shared.wire import Model, Name, Text, UserModel

#: Documents of one request, and jobs that one may delete.
MOST_DOCUMENTS: Final = 1_000


class PruneScope(UserModel):
    """Where jobs without a document are deleted: nowhere else."""

    group: GroupName | None = None
    managed_by: Name | None = None

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if (self.group is None) == (self.managed_by is None):
            raise ValueError("say either group or managed_by")
        return self


class ApplyRequest(UserModel):
    """Makes jobs be as the documents say: all of it, or nothing."""

    #: One for each job, found by its name. Agents and jobs may be named instead of their ids.
    documents: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_DOCUMENTS)]
    #: Check everything and tell what would change, but change nothing.
    dry_run: bool = False
    #: Put into each document that does not say it.
    managed_by: Name | None = None
    #: Delete the jobs of a group, or that somebody manages, that have no document.
    prune: PruneScope | None = None
    #: The `plan` of a rehearsal: refuse (409) when something else would change by now.
    expect: Annotated[Text, Field(max_length=100)] | None = None


class ApplyAction(StrEnum):
    """What becomes of one job."""

    CREATE = "create"
    CHANGE = "change"
    UNCHANGED = "unchanged"
    DELETE = "delete"


class AppliedJob(Model):
    """One job of a plan."""

    model_config = ConfigDict(extra="forbid")

    #: Which document, from 0; null for a job that is deleted.
    index: int | None
    name: str
    action: ApplyAction
    #: Null while it is only planned to be created.
    job_id: UUID | None
    #: What differs; of a new job nothing is listed.
    changes: list[FieldChange]


class ApplyAnswer(Model):
    """A plan, and whether it was carried out."""

    model_config = ConfigDict(extra="forbid")

    applied: bool
    #: Names this plan; for `expect`.
    plan: str
    created: int
    changed: int
    unchanged: int
    deleted: int
    #: In the order of the documents, then what is deleted by name.
    jobs: list[AppliedJob]


class ManifestView(Model):
    """A job as a document to keep."""

    model_config = ConfigDict(extra="forbid")

    name: str
    #: Without defaults, with names instead of ids; applying it changes nothing.
    document: dict[str, Any]

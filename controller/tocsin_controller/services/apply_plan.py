"""What documents and stored jobs come to: what is created, changed, left alone and deleted. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from tocsin_controller.services.etags import etag_of
from tocsin_controller.services.findings import invalid
from tocsin_controller.services.versions import comparable
from tocsin_controller.store.database import Record
from tocsin_shared.applying import AppliedJob, ApplyAction
from tocsin_shared.changes import FieldChange, differences
from tocsin_shared.errors import FieldError
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobCreate, JobDefinition, JobStatus
from tocsin_shared.manifest import Names, resolved
from tocsin_shared.wire import dumps


@dataclass(frozen=True, slots=True)
class Wanted:
    """One document, understood."""

    index: int
    definition: JobDefinition
    #: None: as it is; a new job is scheduled.
    status: JobStatus | None
    #: The job as it was read; None when it is to be created.
    row: Record | None
    #: Also of a job that does not exist yet: others may refer to it.
    job_id: UUID
    changes: list[FieldChange]

    @property
    def action(self) -> ApplyAction:
        """What becomes of the job."""
        if self.row is None:
            return ApplyAction.CREATE
        return ApplyAction.CHANGE if self.changes else ApplyAction.UNCHANGED


def ids_of_names(documents: Sequence[Mapping[str, Any]], known: Mapping[str, Record]) -> dict[str, UUID]:
    """The jobs that documents may refer to: those that exist, and those that are about to."""
    ids = {name: UUID(str(row["id"])) for name, row in known.items()}
    for document in documents:
        name = document.get("name")
        if isinstance(name, str) and name not in ids:
            ids[name] = new_id()
    return ids


def understand(
    documents: Sequence[dict[str, Any]], known: Mapping[str, Record], names: Names, managed_by: str | None
) -> tuple[list[Wanted], list[FieldError]]:
    """The documents that hold together, and all that is wrong with the others."""
    wanted: list[Wanted] = []
    wrong: list[FieldError] = []
    first: dict[str, int] = {}
    for index, document in enumerate(documents):
        whole, unknown = resolved(document, names)
        if managed_by is not None:
            whole.setdefault("managed_by", managed_by)
        found = unknown
        try:
            body = JobCreate.model_validate(whole)
        except ValidationError as error:
            found = [*unknown, *invalid(error, whole).details]
        else:
            if (other := first.setdefault(body.name, index)) != index:
                found = [*found, FieldError("name", f"is also the name of document {other}")]
        if found:
            wrong += at(index, found)
        else:
            wanted.append(_wanted(index, body, known.get(body.name), names.jobs[body.name]))
    return wanted, wrong


def at(index: int, found: Sequence[FieldError]) -> list[FieldError]:
    """Findings about one document, addressed as in the request."""
    return [FieldError(f"documents.{index}.{one.field}".rstrip("."), one.reason) for one in found]


def in_order(wanted: Sequence[Wanted]) -> list[Wanted]:
    """Jobs after those that they wait for, else by name: fewer second tries, and the same order for everybody."""
    by_id = {one.job_id: one for one in wanted}
    placed: dict[UUID, Wanted] = {}
    begun: set[UUID] = set()
    waiting = [(one, False) for one in sorted(wanted, key=lambda one: one.definition.name, reverse=True)]
    while waiting:
        one, are_others_placed = waiting.pop()
        if are_others_placed:
            placed[one.job_id] = one
        elif one.job_id not in begun:
            begun.add(one.job_id)
            waiting.append((one, True))
            waiting += [(by_id[other], False) for other in _awaited(one) if other in by_id]
    return list(placed.values())


def plan_of(wanted: Sequence[Wanted], deleted: Sequence[Record]) -> list[AppliedJob]:
    """The plan to show."""
    kept = [
        AppliedJob(
            index=one.index,
            name=one.definition.name,
            action=one.action,
            job_id=one.job_id if one.row is not None else None,
            changes=one.changes,
        )
        for one in sorted(wanted, key=lambda one: one.index)
    ]
    gone = [
        AppliedJob(index=None, name=row["name"], action=ApplyAction.DELETE, job_id=row["id"], changes=[])
        for row in sorted(deleted, key=lambda row: str(row["name"]))
    ]
    return [*kept, *gone]


def name_of_plan(wanted: Sequence[Wanted], deleted: Sequence[Record]) -> str:
    """The same for the same changes to the same states, whatever the order of the documents."""
    parts: list[Any] = [
        [
            one.definition.name,
            one.action.value,
            etag_of(one.row) if one.row is not None else _without_ids(one),
            [change.model_dump() for change in one.changes],
        ]
        for one in sorted(wanted, key=lambda one: one.definition.name)
    ]
    parts += [[row["name"], "delete", etag_of(row)] for row in sorted(deleted, key=lambda r: str(r["name"]))]
    return hashlib.sha256(dumps(parts)).hexdigest()[:32]


def _without_ids(one: Wanted) -> Any:
    """A new job's definition; which ids others of the request will get is not known beforehand."""
    return one.definition.model_dump(mode="json", exclude={"depends_on"})


def _wanted(index: int, body: JobCreate, row: Record | None, job_id: UUID) -> Wanted:
    definition = JobDefinition.model_validate(body.model_dump(exclude={"status"}))
    status = body.status if "status" in body.model_fields_set else None
    if row is None:
        return Wanted(index, definition, status, None, job_id, [])
    before = comparable(row["definition"])
    if "managed_by" not in body.model_fields_set:
        definition = definition.model_copy(update={"managed_by": before.get("managed_by")})
    changes = differences(before, definition.model_dump(mode="json"))
    if status is not None and status.value != row["status"]:
        changes.append(FieldChange(path="status", before=row["status"], after=status.value))
    return Wanted(index, definition, status, row, job_id, changes)


def _awaited(one: Wanted) -> list[UUID]:
    """The jobs that a definition waits for."""
    depends_on: list[Any] = getattr(one.definition, "depends_on", [])
    return [dependency.job_id for dependency in depends_on]

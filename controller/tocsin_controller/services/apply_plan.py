"""What documents and stored jobs come to: what is created, changed, left alone and deleted. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from tocsin_controller.services.etags import etag_of
from tocsin_controller.services.findings import invalid
from tocsin_controller.services.show import as_uuid
from tocsin_controller.services.versions import comparable
from tocsin_controller.store.database import Record
from tocsin_shared.applying import AppliedJob, ApplyAction
from tocsin_shared.changes import FieldChange, differences
from tocsin_shared.errors import FieldError
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobCreate, JobDefinition, JobStatus
from tocsin_shared.manifest import Names, resolved, with_names
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
    #: The definition to show and compare: with names, because ids of new jobs are made anew by each request.
    shown: dict[str, Any]

    @property
    def action(self) -> ApplyAction:
        """What becomes of the job."""
        if self.row is None:
            return ApplyAction.CREATE
        return ApplyAction.CHANGE if self.changes else ApplyAction.UNCHANGED


def mentioned(known: Mapping[str, Record]) -> set[UUID]:
    """The jobs that stored definitions wait for."""
    return {
        UUID(one["job_id"])
        for row in known.values()
        for one in row["definition"].get("depends_on") or ()
        if isinstance(one, dict) and as_uuid(str(one.get("job_id")))
    }


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
            wanted.append(_wanted(index, body, known.get(body.name), names))
    return wanted, wrong + _circle(wanted)


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
            etag_of(one.row) if one.row is not None else [one.shown, one.status],
            [change.model_dump() for change in one.changes],
        ]
        for one in sorted(wanted, key=lambda one: one.definition.name)
    ]
    parts += [[row["name"], "delete", etag_of(row)] for row in sorted(deleted, key=lambda r: str(r["name"]))]
    return hashlib.sha256(dumps(parts)).hexdigest()[:32]


def _wanted(index: int, body: JobCreate, row: Record | None, names: Names) -> Wanted:
    job_id = names.jobs[body.name]
    definition = JobDefinition.model_validate(body.model_dump(exclude={"status"}))
    status = body.status if "status" in body.model_fields_set else None
    if row is None:
        shown = with_names(definition.model_dump(mode="json"), names)
        return Wanted(index, definition, status, None, job_id, [], shown)
    before = comparable(row["definition"])
    if "managed_by" not in body.model_fields_set:
        definition = definition.model_copy(update={"managed_by": before.get("managed_by")})
    shown = with_names(definition.model_dump(mode="json"), names)
    changes = differences(with_names(before, names), shown)
    if status is not None and status.value != row["status"]:
        changes.append(FieldChange(path="status", before=row["status"], after=status.value))
    return Wanted(index, definition, status, row, job_id, changes, shown)


def _awaited(one: Wanted) -> list[UUID]:
    """The jobs that a definition waits for."""
    return [other.job_id for other in one.definition.depends_on if isinstance(other.job_id, UUID)]


def _circle(wanted: Sequence[Wanted]) -> list[FieldError]:
    """A circle of jobs that would wait for each other, told at the first of them; of several circles one."""
    by_id = {one.job_id: one for one in wanted}
    parents = {one.job_id: [other for other in _awaited(one) if other in by_id] for one in wanted}
    left = _without_beginning(parents)
    if not left:
        return []
    way: dict[UUID, None] = {}
    step = next(one.job_id for one in wanted if one.job_id in left)
    while step not in way:
        way[step] = None
        step = next(parent for parent in parents[step] if parent in left)
    steps = list(way)
    circle = [by_id[one] for one in reversed(steps[steps.index(step) :])]
    first = min(range(len(circle)), key=lambda place: circle[place].index)
    circle = [*circle[first:], *circle[:first], circle[first]]
    names = " → ".join(one.definition.name for one in circle)
    return at(circle[0].index, [FieldError("depends_on", f"jobs would wait for each other: {names}"[:500])])


def _without_beginning(parents: Mapping[UUID, Sequence[UUID]]) -> set[UUID]:
    """The jobs that can never be the next one when each comes after those that it waits for."""
    children: dict[UUID, list[UUID]] = {}
    for job_id, others in parents.items():
        for other in others:
            children.setdefault(other, []).append(job_id)
    missing = {job_id: len(others) for job_id, others in parents.items()}
    ready = [job_id for job_id, count in missing.items() if count == 0]
    left = set(parents)
    while ready:
        job_id = ready.pop()
        left.discard(job_id)
        for child in children.get(job_id, ()):
            missing[child] -= 1
            if missing[child] == 0:
                ready.append(child)
    return left

"""Saved changes of a job: one, two compared, and one to go back to."""

from typing import Any
from uuid import UUID

from pydantic import ValidationError

from tocsin_controller.services.show import show_definition
from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.versions import job_version, newest_version
from tocsin_shared.changes import FieldChange, differences
from tocsin_shared.errors import Conflict, InvalidInput, NotFound
from tocsin_shared.jobs import JobDefinition


async def version_row(db: Queries, job_id: UUID, version: int) -> Record:
    """One saved change, also of a deleted job. Raises NotFound."""
    row = await job_version(db, job_id, version)
    if row is None:
        raise NotFound(f"there is no version {version} of this job")
    return row


async def compare_versions(db: Queries, job_id: UUID, version: int, to: int | None) -> list[FieldChange]:
    """What differs from one version to another, or to the newest. Raises NotFound."""
    if to is None:
        to = await newest_version(db, job_id) or version
    before, after = await version_row(db, job_id, version), await version_row(db, job_id, to)
    return differences(comparable(before["definition"]), comparable(after["definition"]))


async def definition_to_return_to(session: Session, job_id: UUID, version: int) -> JobDefinition:
    """The definition that a version held. Raises InvalidInput, Conflict."""
    row = await job_version(session, job_id, version)
    if row is None:
        raise InvalidInput.field("version", "this job has no such version")
    try:
        return JobDefinition.model_validate(row["definition"])
    except ValidationError as error:
        raise Conflict("this release can't read the definition of that version") from error


def comparable(stored: dict[str, Any]) -> dict[str, Any]:
    """A stored definition in today's form, so that what an earlier release did not store does not differ."""
    try:
        return JobDefinition.model_validate(stored).model_dump(mode="json")
    except ValidationError:
        return show_definition(stored)

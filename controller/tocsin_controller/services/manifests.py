"""Jobs as documents to keep."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from tocsin_controller.store.as_code import names_of_agents
from tocsin_controller.store.bulk import names_of
from tocsin_controller.store.database import Queries, Record
from tocsin_shared.errors import Conflict
from tocsin_shared.jobs import JobDefinition, JobStatus
from tocsin_shared.manifest import Names, to_document


async def manifests_of(db: Queries, rows: Sequence[Record]) -> list[dict[str, Any]]:
    """Name and document of each row. Raises Conflict when this release can't read one."""
    jobs = [(_definition(row), JobStatus(row["status"])) for row in rows]
    agents = {i for job, _ in jobs if (i := getattr(job.target, "agent_id", None)) is not None}
    others = {one.job_id for job, _ in jobs for one in job.depends_on if isinstance(one.job_id, UUID)}
    found = await names_of(db, list(others)) if others else {}
    names = Names(
        await names_of_agents(db, agents) if agents else {}, {name: one for one, name in found.items()}
    )
    return [{"name": job.name, "document": to_document(job, status, names)} for job, status in jobs]


def _definition(row: Record) -> JobDefinition:
    try:
        return JobDefinition.model_validate(row["definition"])
    except ValidationError as error:
        raise Conflict(
            f"this release can't read the definition of '{row['name']}'; save the job anew"
        ) from error

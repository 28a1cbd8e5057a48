"""The jobs of an export: read, put in an order in which they can be made, and told which agents they mean here."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from tocsin_controller.services.findings import invalid
from tocsin_controller.services.importing.intake import Findings
from tocsin_controller.services.show import as_uuid
from tocsin_controller.store.database import Session
from tocsin_controller.store.roster import list_agents
from tocsin_shared.errors import InvalidInput
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import JobCreate, JobDefinition


@dataclass(frozen=True, slots=True)
class ImportedJob:
    """A job of the document."""

    where: str
    id: UUID
    body: JobCreate
    #: Ids or names of jobs that it waits for.
    depends_on: frozenset[str]

    def definition(self, agents: dict[str, str]) -> JobDefinition:
        """What is stored. An agent that is meant by id is looked for by its name: ids are another installation's."""
        document = self.body.model_dump(mode="json", exclude={"status"})
        target = document.get("target") or {}
        if target.get("agent_id") in agents:
            target["agent_id"] = agents[target["agent_id"]]
        return JobDefinition.model_validate(document)


def parse_jobs(documents: Iterable[dict[str, Any]], found: Findings) -> list[ImportedJob]:
    """Those that can be read; what is wrong with the others is among the findings."""
    jobs: list[ImportedJob] = []
    for position, document in enumerate(documents):
        where = f"jobs.{position}"
        job_id = as_uuid(str(document["id"])) if document.get("id") is not None else new_id()
        if job_id is None:
            found.add(where, InvalidInput.field("id", "must be a UUID"))
            continue
        try:
            body = JobCreate.model_validate(document)
        except ValidationError as error:
            found.add(where, invalid(error, document))
            continue
        jobs.append(ImportedJob(where, job_id, body, frozenset(str(d.job_id) for d in body.depends_on)))
    return jobs


def dependencies_first(jobs: list[ImportedJob]) -> list[ImportedJob]:
    """Each after those that it waits for; what waits in a circle comes last, and is refused then."""
    by_id = {job.id: job for job in jobs}
    known = {ref: job.id for job in jobs for ref in (str(job.id), job.body.name)}
    waits_for = {job.id: {known[ref] for ref in job.depends_on if ref in known} for job in jobs}
    followers: dict[UUID, list[UUID]] = {}
    for job_id, others in waits_for.items():
        for other in others:
            followers.setdefault(other, []).append(job_id)
    ready = [job_id for job_id, others in waits_for.items() if not others]
    for job_id in ready:  # grows while it is walked
        for follower in followers.get(job_id, ()):
            waits_for[follower].discard(job_id)
            if not waits_for[follower]:
                ready.append(follower)
    return [by_id[job_id] for job_id in dict.fromkeys([*ready, *by_id])]


async def agents_here(session: Session, exported: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Ids of agents there to ids of agents of the same name here, where they differ."""
    here = {row["name"]: str(row["id"]) for row in await list_agents(session)}
    return {
        str(agent.get("id")): here[str(agent.get("name"))]
        for agent in exported
        if str(agent.get("name")) in here
    }

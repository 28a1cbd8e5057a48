"""Routes about the saved changes of a job."""

from typing import Any

from aiohttp import web
from pydantic import ConfigDict, Field

from tocsin_controller.api.conditions import IF_MATCH, if_match
from tocsin_controller.api.handlers.jobs import answer_job
from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.show import show_version
from tocsin_controller.services.versions import compare_versions, version_row
from tocsin_controller.store.jobs import job_versions
from tocsin_shared.changes import FieldChange
from tocsin_shared.errors import NotFound
from tocsin_shared.jobs_history import RollbackRequest, VersionNumber
from tocsin_shared.views.jobs import JobVersionView, JobView
from tocsin_shared.wire import Model

#: Saved changes that are listed.
MOST_VERSIONS = 1_000


class DiffQuery(Model):
    """Compare with what."""

    model_config = ConfigDict(extra="forbid")

    to: VersionNumber | None = Field(None, description="The other version; the newest one if not said.")


class VersionRoutes:
    """Versions: read, compare, go back to."""

    def __init__(self, parts: Parts) -> None:
        self._jobs = parts.jobs
        self._db = parts.db

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        versions = "/api/jobs/{job}/versions"
        return [
            Route(
                "GET", versions, self.list, "Every saved change, newest first", READERS, "jobs",
                response=list[JobVersionView],
            ),
            Route(
                "GET", versions + "/{version}", self.get, "One saved change", READERS, "jobs",
                response=JobVersionView,
            ),
            Route(
                "GET", versions + "/{version}/diff", self.diff, "What differs from this version to another one",
                READERS, "jobs", query=DiffQuery, response=list[FieldChange],
            ),
            Route(
                "POST", "/api/jobs/{job}/rollback", self.rollback,
                "Save an old version's definition as a new version", WRITERS, "jobs",
                body=RollbackRequest, response=JobView, headers=IF_MATCH,
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Any:
        job_id = await self._jobs.find_id(call.path["job"])
        return [show_version(row) for row in await job_versions(self._db, job_id, MOST_VERSIONS)]

    async def get(self, call: Call) -> Any:
        version = _number(call)
        job_id = await self._jobs.find_id(call.path["job"])
        return show_version(await version_row(self._db, job_id, version))

    async def diff(self, call: Call) -> Any:
        version = _number(call)
        job_id = await self._jobs.find_id(call.path["job"])
        changes = await compare_versions(self._db, job_id, version, call.query.to)
        return [change.model_dump() for change in changes]

    async def rollback(self, call: Call) -> web.Response:
        job_id = await self._jobs.rollback(call.path["job"], call.body, call.caller, if_match=if_match(call))
        return await answer_job(self._db, job_id)


def _number(call: Call) -> int:
    """The version in the path; what is no number names none."""
    text = call.path["version"]
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFound(f"there is no version '{text[:20]}'")
    return int(text)

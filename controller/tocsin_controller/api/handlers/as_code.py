"""Routes for jobs as code."""

from typing import Any

from pydantic import ConfigDict, Field

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.paging import MOST_PER_PAGE, PageSize
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.applying import ApplyService
from tocsin_controller.services.manifests import manifests_of
from tocsin_controller.store.as_code import jobs_in_scope
from tocsin_shared.applying import ApplyAnswer, ApplyRequest, ManifestView
from tocsin_shared.views.base import View
from tocsin_shared.wire import Model, Text

MAX_BODY_BYTES = 8 * 1024 * 1024


class ManifestPage(View):
    """A stretch of the documents, by name."""

    data: list[ManifestView]
    #: Send it as `after` to get what follows; null at the end.
    next: str | None


class ManifestQuery(Model):
    """Which jobs."""

    model_config = ConfigDict(extra="forbid")

    group: Text | None = Field(None, description="Only this group.")
    managed_by: Text | None = Field(None, description="Only jobs that this keeper keeps as code.")
    per_page: PageSize = MOST_PER_PAGE
    after: Text | None = Field(None, max_length=1_000, description="The `next` of an earlier page.")


class AsCodeRoutes:
    """Jobs as code: documents out, documents in."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._applying = ApplyService(parts.db, parts.jobs)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried; before those of single jobs."""
        return [
            Route(
                "GET", "/api/jobs/manifests", self.manifests, "Jobs as documents to keep, by name", READERS, "jobs",
                query=ManifestQuery, response=ManifestPage,
            ),
            Route(
                "POST", "/api/jobs/apply", self.apply,
                "Make jobs be as documents say: plan, create, change and delete, all of it or nothing", WRITERS,
                "jobs", body=ApplyRequest, response=ApplyAnswer, max_body_bytes=MAX_BODY_BYTES,
            ),
        ]  # fmt: skip

    async def manifests(self, call: Call) -> Any:
        query: ManifestQuery = call.query
        rows = await jobs_in_scope(
            self._db,
            group=query.group,
            managed_by=query.managed_by,
            after=query.after,
            limit=query.per_page + 1,
        )
        shown = rows[: query.per_page]
        return {
            "data": await manifests_of(self._db, shown),
            "next": shown[-1]["name"] if len(rows) > query.per_page else None,
        }

    async def apply(self, call: Call) -> Any:
        return await self._applying.apply(call.body, call.caller)

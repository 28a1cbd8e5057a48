"""The route that searches what executions printed."""

from typing import Any
from uuid import UUID

from pydantic import Field

from tocsin_controller.api.handlers.parts import Parts, cursor
from tocsin_controller.api.paging import PageQuery, page_of
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS
from tocsin_controller.services.output_search import Wanted, search, terms_of
from tocsin_shared.errors import InvalidInput
from tocsin_shared.executions import ExecutionStatus
from tocsin_shared.views.base import Page
from tocsin_shared.views.searching import SearchHit
from tocsin_shared.wire import Instant, Text

#: Page numbers reach no further; `after` does.
MOST_OFFSET = 10_000


class SearchQuery(PageQuery):
    """What to look for."""

    q: Text = Field(
        min_length=1,
        max_length=500,
        description='Words that must all be there, in any case of letters; "some words" in a row; -word: not there.',
    )
    job_id: UUID | None = Field(None, description="Only of this job.")
    status: ExecutionStatus | None = Field(None, description="Only with this status.")
    since: Instant | None = Field(None, description="Created at or after this instant.")


class SearchRoutes:
    """Full text search over output."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "GET", "/api/executions/search", self.search, "Executions that printed something, newest first",
                READERS, "executions", query=SearchQuery, response=Page[SearchHit],
            ),
        ]  # fmt: skip

    async def search(self, call: Call) -> Any:
        query: SearchQuery = call.query
        if query.offset > MOST_OFFSET:
            raise InvalidInput.field("page", "is too far: go on with `after`")
        wanted = Wanted(
            terms_of(query.q),
            job_id=query.job_id,
            status=query.status.value if query.status else None,
            since=query.since,
            before=cursor(query.after),
        )
        hits = await search(self._db, wanted, offset=query.offset, limit=query.per_page)
        is_capped = hits.next is not None
        return page_of(hits.data, query, hits.total, next_cursor=hits.next, is_capped=is_capped)

"""Finding the page of a long history that was asked for, in bounded time.

One question to the store looks at a bounded number of rows. When too few of them match, the search goes on further
back, but not for longer than `BUDGET_SECS`; then the page is shorter than asked for and says where to go on.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from tocsin_controller.store.database import Queries
from tocsin_controller.store.history import (
    FIRST_ID,
    LAST_ID,
    ExecutionFilter,
    Found,
    Slice,
    Stretch,
    executions_in,
    jobs_matching,
    runs_in,
)
from tocsin_shared.ids import id_floor

#: After so long no further stretch is begun.
BUDGET_SECS: Final = 0.02
#: Up to so many jobs are searched by their own histories; more of them by the history of all.
FEW_JOBS: Final = 20


@dataclass(frozen=True, slots=True)
class PageOfIds:
    """What is on a page."""

    ids: list[UUID]
    #: Matches seen; there may be more when `is_capped`.
    total: int
    is_capped: bool
    #: Where the next page begins; None when there is nothing older.
    next: UUID | None


async def search_executions(
    db: Queries, only: ExecutionFilter, *, since: datetime | None, before: UUID | None, part: Slice
) -> PageOfIds:
    """A page of executions, newest first. `since` is about when they were created."""
    if only.job_ids is None and (only.group is not None or only.search is not None):
        few = await jobs_matching(db, group=only.group, search=only.search, most=FEW_JOBS)
        if few is not None:
            only = replace(only, job_ids=few)
    return await _search(_stretch(since, before), part, lambda s, p: executions_in(db, s, only, p))


async def search_runs(
    db: Queries,
    *,
    status: str | None,
    job_id: UUID | None,
    since: datetime | None,
    before: UUID | None,
    part: Slice,
) -> PageOfIds:
    """A page of runs, newest first."""
    return await _search(
        _stretch(since, before), part, lambda s, p: runs_in(db, s, status=status, job_id=job_id, part=p)
    )


def _stretch(since: datetime | None, before: UUID | None) -> Stretch:
    return Stretch(before or LAST_ID, id_floor(since) if since else FIRST_ID)


async def _search(
    stretch: Stretch, part: Slice, look: Callable[[Stretch, Slice], Awaitable[Found]]
) -> PageOfIds:
    deadline = time.monotonic() + BUDGET_SECS
    ids: list[UUID] = []
    total = 0
    while True:
        wanted = Slice(max(part.offset - total, 0), part.limit - len(ids))
        found = await look(stretch, wanted)
        ids += found.ids
        total += found.total
        back = found.looked_back_to
        if back is None:
            break
        if len(ids) == part.limit or time.monotonic() > deadline:
            break
        stretch = Stretch(back, stretch.since)
    following = ids[-1] if len(ids) == part.limit else back
    if back is None and total <= part.offset + len(ids):
        following = None
    return PageOfIds(ids, total, back is not None, following)

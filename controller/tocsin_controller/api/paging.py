"""Pages: numbered for people, by cursor for programs."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

#: Matches are counted no further than this; pages beyond can only be reached by cursor.
COUNT_CAP = 10_000


def _clamp(value: Any) -> Any:
    """Too many are as many as allowed, as the shared API does it."""
    if isinstance(value, str) and value.isdecimal():
        return min(int(value), 100) or 1
    return value


class PageQuery(BaseModel):
    """Which page of a list."""

    model_config = ConfigDict(extra="forbid")

    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    per_page: Annotated[int, BeforeValidator(_clamp), Field(ge=1, le=100)] = 20
    #: The `next` of an earlier page: goes on right after it, whatever was added meanwhile.
    after: str | None = None

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return 0 if self.after else (self.page - 1) * self.per_page


def page_of(data: Sequence[Any], query: PageQuery, total: int, *, next_cursor: str | None) -> dict[str, Any]:
    """The envelope of every list."""
    return {
        "data": list(data),
        "total": total,
        "total_is_capped": total >= COUNT_CAP,
        "page": query.page,
        "per_page": query.per_page,
        "total_pages": max(1, -(-total // query.per_page)),
        "next": next_cursor if len(data) == query.per_page else None,
    }

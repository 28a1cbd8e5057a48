"""Pages: numbered for people, by cursor for programs."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field

from tocsin_shared.wire import Model, Text

#: Jobs and events are counted no further than this.
COUNT_CAP: Final = 10_000
MOST_PER_PAGE: Final = 100


def _clamped(lowest: int, highest: int) -> BeforeValidator:
    """Too many are as many as allowed, too few as few, as the shared API has it."""

    def clamp(value: Any) -> Any:
        text = str(value).strip()
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()):
            return value
        return min(max(int(text[:12]), lowest), highest)

    return BeforeValidator(clamp)


PageNumber = Annotated[int, _clamped(1, 1_000_000), Field(description="Which page, from 1.")]
PageSize = Annotated[
    int, _clamped(1, MOST_PER_PAGE), Field(description=f"Rows of a page, at most {MOST_PER_PAGE}.")
]


class PageQuery(Model):
    """Which page of a list."""

    model_config = ConfigDict(extra="forbid")

    page: PageNumber = 1
    per_page: PageSize = 20
    after: Text | None = Field(
        None,
        max_length=1_000,
        description="The `next` of an earlier page: goes on right after it, whatever was added meanwhile. "
        "Reaches all of a long list, which page numbers do not.",
    )

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return 0 if self.after is not None else (self.page - 1) * self.per_page


def page_of(
    data: Sequence[Any], query: PageQuery, total: int, *, next_cursor: object, is_capped: bool
) -> dict[str, Any]:
    """The envelope of every list."""
    return {
        "data": list(data),
        "total": total,
        "total_is_capped": is_capped,
        "page": query.page,
        "per_page": query.per_page,
        "total_pages": max(1, -(-total // query.per_page)),
        "next": None if next_cursor is None else str(next_cursor),
    }


def counted_page(data: Sequence[Any], query: PageQuery, total: int, *, last: object) -> dict[str, Any]:
    """The envelope of a list that was counted up to the cap; `last` is the cursor of its last row."""
    is_capped = total >= COUNT_CAP
    has_more = bool(data) and (is_capped or query.offset + len(data) < total)
    return page_of(data, query, total, next_cursor=last if has_more else None, is_capped=is_capped)

"""Lists that the API gives in pages."""

from collections.abc import AsyncIterator
from typing import Any

from tocsin_cli.client import Client, Params

PAGE_SIZE = 100


async def pages(
    api: Client, path: str, params: Params, *, limit: int | None
) -> AsyncIterator[dict[str, Any]]:
    """Page after page, as the API sends them, until `limit` rows have been given (None: all there are)."""
    left = limit
    page = 1
    while left is None or left > 0:
        # Pages must all have one size for page numbers to mean the same each time.
        size = PAGE_SIZE if limit is None else min(PAGE_SIZE, limit)
        answer: dict[str, Any] = await api.get(path, {**params, "page": page, "per_page": size})
        if left is not None:
            answer["data"] = answer["data"][:left]
            left -= len(answer["data"])
        yield answer
        if not answer["data"] or page >= answer["total_pages"]:
            return
        page += 1

"""Lists that the API gives in pages."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from tocsin_cli.client import Client, Params

PAGE_SIZE = 100
#: Of lists by name.
_NAMES_SIZE = 1_000


async def pages(
    api: Client, path: str, params: Params, *, limit: int | None, after: str | None = None
) -> AsyncGenerator[dict[str, Any], None]:
    """Page after page, as the API sends them, until `limit` rows have been given (None: all there are).

    Each page is asked for by where the one before ended, so rows that come up meanwhile move nothing. A page may
    be shorter than asked for although more follow.
    """
    left = limit
    while left is None or left > 0:
        size = PAGE_SIZE if left is None else min(PAGE_SIZE, left)
        page: dict[str, Any] = await api.get(path, {**params, "after": after, "per_page": size})
        yield page
        after = page["next"]
        if after is None:
            return
        left = None if left is None else left - len(page["data"])


async def first_rows(
    api: Client, path: str, params: Params, *, limit: int, after: str | None = None
) -> list[dict[str, Any]]:
    """The first rows of a list, or of what follows `after`."""
    async with aclosing(pages(api, path, params, limit=limit, after=after)) as answers:
        return [row async for page in answers for row in page["data"]]


async def rows_by_name(api: Client, path: str, params: Params) -> list[dict[str, Any]]:
    """All of a list that goes by name, where the name that a page ends with asks for the next one."""
    found: list[dict[str, Any]] = []
    while True:
        after = found[-1]["name"] if found else ""
        page: list[dict[str, Any]] = await api.get(path, {**params, "after": after, "limit": _NAMES_SIZE})
        found += page
        if len(page) < _NAMES_SIZE:
            return found

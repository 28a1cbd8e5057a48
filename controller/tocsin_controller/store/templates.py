"""Questions about templates."""

from typing import Any

from tocsin_controller.store.database import Queries, Record
from tocsin_controller.store.statements import sql

_TEMPLATE = sql("template")
_LIST_TEMPLATES = sql("list_templates")
_SAVE_TEMPLATE = sql("save_template")
_DELETE_TEMPLATE = sql("delete_template")

#: So the list, which comes whole, stays short.
MOST_TEMPLATES = 1_000


async def template_row(db: Queries, name: str) -> Record | None:
    """One template."""
    return await db.fetchrow(_TEMPLATE, name)


async def list_templates(db: Queries) -> list[Record]:
    """All of them by name."""
    return await db.fetch(_LIST_TEMPLATES, MOST_TEMPLATES + 100)


async def save_template(
    db: Queries, name: str, description: str | None, snapshot: Any, created_by: str
) -> Record | None:
    """The template as it is now; None when there are too many for a new one."""
    return await db.fetchrow(_SAVE_TEMPLATE, name, description, snapshot, created_by, MOST_TEMPLATES)


async def delete_template(db: Queries, name: str) -> bool:
    """Whether there was one."""
    return await db.execute(_DELETE_TEMPLATE, name) > 0

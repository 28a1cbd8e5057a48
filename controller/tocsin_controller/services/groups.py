"""Groups: made, renamed, dissolved, and jobs moved between them."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from tocsin_controller.hints import EVENTS, TIMERS, Hints
from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.deadlocks import again_after_deadlock
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.groups import (
    drop_group,
    group_exists,
    group_names,
    move_jobs,
    rename_pipelines,
    save_group,
)
from tocsin_shared.errors import Conflict, InvalidInput, NotFound
from tocsin_shared.jobs import DEFAULT_GROUP, GroupName

_GROUP_NAME: TypeAdapter[str] = TypeAdapter(GroupName)


class GroupService:
    """Groups as people change them."""

    def __init__(self, db: Database, hints: Hints) -> None:
        self._db = db
        self._hints = hints

    async def names(self) -> list[str]:
        """All of them, in order; the default one always."""
        return sorted({DEFAULT_GROUP, *await group_names(self._db)})

    async def create(self, name: str, by: Principal) -> None:
        """Make a group; one that is there stays as it is."""
        async with self._db.transaction() as session:
            if await save_group(session, name):
                await _tell(session, by, "group.created", name, f"Group '{name}' was created")
        self._announce()

    @again_after_deadlock
    async def move(self, job_ids: Sequence[UUID], group: str, by: Principal) -> int:
        """Put jobs into a group; how many of them there are."""
        async with self._db.transaction() as session:
            count = await move_jobs(session, group, by.name, job_ids=job_ids)
            if count:
                message = f"{count} jobs were moved into group '{group}'"
                await _tell(session, by, "group.jobs_moved", group, message)
        self._announce()
        return count

    @again_after_deadlock
    async def rename(self, old: str, new: str, by: Principal) -> int:
        """Give a group another name, with its pipeline runs and schedule; how many jobs are in it."""
        async with self._db.transaction() as session:
            if old == new or not await group_exists(session, old):
                return await move_jobs(session, new, by.name, group=old)
            count = await move_jobs(session, new, by.name, group=old)
            await drop_group(session, old)
            await save_group(session, new)
            await rename_pipelines(session, old, new)
            await _tell(session, by, "group.renamed", new, f"Group '{old}' was renamed to '{new}'")
        self._announce()
        return count

    @again_after_deadlock
    async def delete(self, name: str, by: Principal) -> None:
        """Dissolve a group: its jobs go to the default one. Raises NotFound, Conflict."""
        if name == DEFAULT_GROUP:
            raise Conflict(f"group '{DEFAULT_GROUP}' is where jobs without another group are; it stays")
        async with self._db.transaction() as session:
            if not await group_exists(session, name):
                raise NotFound(f"there is no group '{name[:50]}'")
            count = await move_jobs(session, DEFAULT_GROUP, by.name, group=name)
            await drop_group(session, name)
            await rename_pipelines(session, name, None)
            message = f"Group '{name}' was deleted; its {count} jobs are in '{DEFAULT_GROUP}'"
            await _tell(session, by, "group.deleted", name, message)
        self._announce()

    def _announce(self) -> None:
        self._hints.hint(TIMERS)
        self._hints.hint(EVENTS)


async def _tell(session: Session, by: Principal, kind: str, group: str, message: str) -> None:
    event = NewEvent(
        kind=kind,
        severity="info",
        message=message,
        api_key_id=by.key_id,
        api_key_name=by.name,
        details=group,
    )
    await add_events(session, [event])
    await add_audit(session, by, kind, "group", group, message)


def group_name(text: str) -> str:
    """The name of a group that a path makes. Raises InvalidInput."""
    try:
        return _GROUP_NAME.validate_python(text)
    except ValidationError as error:
        raise InvalidInput.field("group", str(error.errors()[0]["msg"])) from None

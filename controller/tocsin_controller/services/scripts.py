"""Stored scripts as people change them."""

from datetime import UTC
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from tocsin_controller.hints import EVENTS, Hints
from tocsin_controller.security.auditing import HIDDEN, add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.change_events import change_event
from tocsin_controller.services.script_syntax import check_syntax
from tocsin_controller.store.database import Database, Record, Session
from tocsin_controller.store.events import add_events
from tocsin_controller.store.scripts import (
    delete_script,
    jobs_running,
    list_scripts,
    lock_script,
    save_script,
    script_row,
)
from tocsin_shared.errors import Conflict, InvalidInput, NotFound
from tocsin_shared.scripts import MOST_SCRIPTS, ScriptSave, ScriptType
from tocsin_shared.tasks.fields import ScriptName

#: Jobs that a refusal names.
MOST_JOBS_NAMED: Final = 10
_NAME: Final[TypeAdapter[str]] = TypeAdapter(ScriptName)


class ScriptService:
    """Creating, reading, changing and deleting scripts."""

    def __init__(self, db: Database, hints: Hints) -> None:
        self._db = db
        self._hints = hints

    async def list(self) -> list[dict[str, Any]]:
        """All of them by name, without code."""
        return [_entry(row) for row in await list_scripts(self._db)]

    async def get(self, name: str) -> dict[str, Any]:
        """One script. Raises NotFound."""
        row = await script_row(self._db, name)
        if row is None:
            raise _no_script(name)
        return dict(row)

    async def save(self, name: str, body: ScriptSave, by: Principal, *, dry_run: bool = False) -> None:
        """A new script, or the new content of an old one. Raises InvalidInput, Conflict."""
        try:
            _NAME.validate_python(name)
        except ValidationError:
            why = "must have 1 to 100 characters, each a letter, a digit, `-` or `_`"
            raise InvalidInput.field("name", why) from None
        await check_syntax(body)
        async with self._db.transaction() as session:
            await self._refuse_other_type(session, name, body.script_type)
            if dry_run:
                return
            await self.save_in(session, name, body, by)
        self._hints.hint(EVENTS)

    async def save_in(self, session: Session, name: str, body: ScriptSave, by: Principal) -> None:
        """The same in the caller's transaction, of what was checked before. Raises Conflict."""
        if not await save_script(session, name, body.script_type, body.code, by.name):
            raise Conflict(f"there are {MOST_SCRIPTS} scripts already; delete one first")
        await add_events(session, [change_event("script.saved", name, by)])
        changes = {"code": (HIDDEN, HIDDEN)}
        details = f"{body.script_type}, {len(body.code.encode())} bytes"
        await add_audit(session, by, "script.saved", "script", name, details, changes=changes)

    async def delete(self, name: str, by: Principal) -> None:
        """Raises NotFound, and Conflict when jobs run it."""
        async with self._db.transaction() as session:
            if await lock_script(session, name) is None:
                raise _no_script(name)
            if jobs := await _named_jobs(session, name):
                raise Conflict(f"the script '{name}' is run by {jobs}: change or delete these first")
            await delete_script(session, name)
            await add_events(session, [change_event("script.deleted", name, by)])
            await add_audit(session, by, "script.deleted", "script", name)
        self._hints.hint(EVENTS)

    async def _refuse_other_type(self, session: Session, name: str, script_type: ScriptType) -> None:
        before = await lock_script(session, name)
        if before is None or before is script_type:
            return
        if jobs := await _named_jobs(session, name):
            raise Conflict(f"the script '{name}' is {before}, and is run as that by {jobs}")


async def _named_jobs(session: Session, name: str) -> str:
    """The jobs that run it, as a part of a sentence; empty when there are none."""
    jobs = await jobs_running(session, name, MOST_JOBS_NAMED + 1)
    if not jobs:
        return ""
    named = ", ".join(f"'{job}'" for job in jobs[:MOST_JOBS_NAMED])
    more = " and more" if len(jobs) > MOST_JOBS_NAMED else ""
    return f"the job{'s' if len(jobs) > 1 else ''} {named}{more}"


def _entry(row: Record) -> dict[str, Any]:
    shown = {name: row[name] for name in ("name", "script_type", "size")}
    return {**shown, "modified": row["updated_at"].astimezone(UTC).isoformat()}


def _no_script(name: str) -> NotFound:
    return NotFound(f"there is no script '{name[:100]}'")

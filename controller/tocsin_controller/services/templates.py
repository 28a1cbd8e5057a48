"""Templates: kept by name, and made into jobs."""

from pydantic import ValidationError

from tocsin_controller.hints import EVENTS, Hints
from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.change_events import change_event
from tocsin_controller.services.findings import invalid
from tocsin_controller.store.database import Database, Queries, Record, Session
from tocsin_controller.store.events import add_events
from tocsin_controller.store.templates import MOST_TEMPLATES, delete_template, save_template, template_row
from tocsin_shared.errors import Conflict, InvalidInput, NotFound
from tocsin_shared.jobs import JobCreate
from tocsin_shared.templates import MOST_SNAPSHOT_CHARS, JobFromTemplate, NewJob, TemplateSave
from tocsin_shared.wire import dumps


class TemplateService:
    """Templates as people change them."""

    def __init__(self, db: Database, hints: Hints) -> None:
        self._db = db
        self._hints = hints

    async def get(self, name: str) -> Record:
        """One template. Raises NotFound."""
        row = await template_row(self._db, name)
        if row is None:
            raise _no_template(name)
        return row

    async def save(self, body: TemplateSave, by: Principal) -> Record:
        """A new template, or the new content of an old one. Raises InvalidInput, Conflict."""
        async with self._db.transaction() as session:
            row = await self.save_in(session, body, by)
        self._hints.hint(EVENTS)
        return row

    async def save_in(self, session: Session, body: TemplateSave, by: Principal) -> Record:
        """The same in the caller's transaction."""
        if len(dumps(body.snapshot)) > MOST_SNAPSHOT_CHARS:
            raise InvalidInput.field("snapshot", f"must not be longer than {MOST_SNAPSHOT_CHARS} bytes")
        row = await save_template(session, body.name, body.description, body.snapshot, by.name)
        if row is None:
            raise Conflict(f"there are {MOST_TEMPLATES} templates already; delete one first")
        await add_events(session, [change_event("template.saved", body.name, by)])
        await add_audit(session, by, "template.saved", "template", body.name)
        return row

    async def delete(self, name: str, by: Principal) -> None:
        """Jobs that were made from it stay as they are. Raises NotFound."""
        async with self._db.transaction() as session:
            if not await delete_template(session, name):
                raise _no_template(name)
            await add_events(session, [change_event("template.deleted", name, by)])
            await add_audit(session, by, "template.deleted", "template", name)
        self._hints.hint(EVENTS)


async def new_job(db: Queries, body: NewJob) -> JobCreate:
    """The whole job that somebody asks for. Raises InvalidInput."""
    if isinstance(body.root, JobFromTemplate):
        return await _from_template(db, body.root)
    return body.root


async def _from_template(db: Queries, asked: JobFromTemplate) -> JobCreate:
    row = await template_row(db, asked.template)
    if row is None:
        raise InvalidInput.field("template", "there is no such template")
    if not isinstance(row["snapshot"], dict):
        raise InvalidInput.field("template", "its snapshot is no part of a job's definition")
    document = asked.over(row["snapshot"])
    try:
        return JobCreate.model_validate(document)
    except ValidationError as error:
        raise invalid(error, document) from None


def _no_template(name: str) -> NotFound:
    return NotFound(f"there is no template '{name[:100]}'")

"""Taking in what another installation exported: all of it, or, when anything is wrong with it, nothing."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.calendars import CalendarService
from tocsin_controller.services.connections import ConnectionService
from tocsin_controller.services.findings import invalid
from tocsin_controller.services.fleet_settings import KNOWN, MASK, FleetSettings
from tocsin_controller.services.jobs import JobService
from tocsin_controller.services.script_syntax import syntax_problems
from tocsin_controller.services.scripts import ScriptService
from tocsin_controller.services.show import as_uuid
from tocsin_controller.services.templates import TemplateService
from tocsin_controller.services.variables import VariableService
from tocsin_controller.store.calendars import calendars_named
from tocsin_controller.store.connections import known_connections
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.groups import group_names, save_group
from tocsin_controller.store.jobs import read_clock
from tocsin_controller.store.moving import known_jobs, known_templates, known_variables
from tocsin_controller.store.roster import list_agents
from tocsin_controller.store.scripts import known_scripts
from tocsin_shared.calendars import CalendarSpec, NewCalendar
from tocsin_shared.connections.requests import ConnectionCreate
from tocsin_shared.errors import Conflict, FieldError, InvalidInput, NameTaken
from tocsin_shared.ids import new_id
from tocsin_shared.jobs import DEFAULT_GROUP, JobCreate, JobDefinition
from tocsin_shared.moving import ImportDocument
from tocsin_shared.scripts import NewScript
from tocsin_shared.templates import TemplateSave
from tocsin_shared.variables import MASK as VARIABLE_MASK
from tocsin_shared.variables import VariableCreate

#: More findings than this help nobody.
MOST_FINDINGS: Final = 50


@dataclass(slots=True)
class Summary:
    """What was taken in, and what was there already."""

    imported: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("groups", "variables", "connections", "scripts", "templates", "calendars", "jobs", "settings"), 0
        )
    )
    skipped: dict[str, int] = field(default_factory=dict)

    def skip(self, kind: str) -> None:
        """One more of this kind was left out."""
        self.skipped[kind] = self.skipped.get(kind, 0) + 1


class _Rehearsed(Exception):
    """Ends the transaction of a dry run."""


class Importer:
    """Brings everything in."""

    def __init__(
        self,
        db: Database,
        jobs: JobService,
        variables: VariableService,
        connections: ConnectionService,
        scripts: ScriptService,
        templates: TemplateService,
        calendars: CalendarService,
        settings: FleetSettings,
    ) -> None:
        self._db = db
        self._calendars = calendars
        self._jobs = jobs
        self._variables = variables
        self._connections = connections
        self._scripts = scripts
        self._templates = templates
        self._settings = settings

    async def take_in(self, document: ImportDocument, by: Principal, *, dry_run: bool) -> Summary:
        """What is there already stays as it is, by id or name. Raises InvalidInput with all that is wrong.

        A dry run does everything and takes it back.
        """
        found = _Findings()
        jobs = await asyncio.to_thread(_parse_jobs, document.jobs, found)
        scripts = await _parse_scripts(document.scripts, found)
        summary = Summary()
        try:
            async with self._db.transaction() as session:
                await self._import_settings(session, document, summary, found, by)
                await self._import_variables(session, document, summary, found, by)
                await self._import_scripts(session, scripts, summary, found, by)
                await self._import_connections(session, document, summary, found, by)
                await self._import_templates(session, document, summary, found, by)
                await self._import_calendars(session, document, summary, found, by)
                await self._import_jobs(session, document, jobs, summary, found, by)
                found.refuse()
                told = ", ".join(f"{count} {kind}" for kind, count in summary.imported.items() if count)
                await add_audit(session, by, "data.imported", "data", details=told or "nothing new")
                if dry_run:
                    raise _Rehearsed
        except _Rehearsed:
            return summary
        self._jobs.announce()
        return summary

    async def _import_settings(
        self, session: Session, document: ImportDocument, summary: Summary, found: "_Findings", by: Principal
    ) -> None:
        wanted: dict[str, str] = {}
        for key, value in document.settings.items():
            if key not in KNOWN or value == MASK:  # other releases and products have settings of their own
                summary.skip("settings")
            else:
                wanted[key] = value
        try:
            await self._settings.change_in(session, wanted, by)
        except InvalidInput as error:
            found.add("settings", error)
        summary.imported["settings"] = len(wanted)

    async def _import_variables(
        self, session: Session, document: ImportDocument, summary: Summary, found: "_Findings", by: Principal
    ) -> None:
        taken = await known_variables(session, [str(one.get("name")) for one in document.variables])
        now = await read_clock(session)
        for position, one in enumerate(document.variables):
            where = f"variables.{position}"
            sent = {key: value for key, value in one.items() if key != "updated_at"}
            if str(sent.get("name")) in taken or sent.get("value") in (MASK, VARIABLE_MASK):
                summary.skip("variables")
                continue
            try:
                variable = VariableCreate.model_validate(sent)
                if variable.expires_at is not None and variable.expires_at <= now:
                    summary.skip("variables")
                    continue
                await self._variables.create_in(session, variable, by)
            except ValidationError as error:
                found.add(where, invalid(error, sent))
            except InvalidInput as error:
                found.add(where, error)
            else:
                taken.add(variable.name)
                summary.imported["variables"] += 1

    async def _import_scripts(
        self,
        session: Session,
        scripts: "list[NewScript]",
        summary: Summary,
        found: "_Findings",
        by: Principal,
    ) -> None:
        taken = await known_scripts(session, [script.name for script in scripts])
        for script in scripts:
            if script.name in taken:
                summary.skip("scripts")
                continue
            try:
                await self._scripts.save_in(session, script.name, script, by)
            except Conflict as error:
                found.add("scripts", error)
                return
            taken.add(script.name)
            summary.imported["scripts"] += 1

    async def _import_connections(
        self, session: Session, document: ImportDocument, summary: Summary, found: "_Findings", by: Principal
    ) -> None:
        """Before jobs, which refer to them."""
        taken = await known_connections(session, [str(one.get("name")) for one in document.connections])
        for position, one in enumerate(document.connections):
            sent = {key: value for key, value in one.items() if key in ConnectionCreate.model_fields}
            if str(sent.get("name")) in taken:
                summary.skip("connections")
                continue
            try:
                connection = ConnectionCreate.model_validate(sent)
                await self._connections.create_in(session, connection, by)
            except ValidationError as error:
                found.add(f"connections.{position}", invalid(error, sent))
            except InvalidInput as error:
                found.add(f"connections.{position}", error)
            else:
                taken.add(connection.name)
                summary.imported["connections"] += 1

    async def _import_templates(
        self, session: Session, document: ImportDocument, summary: Summary, found: "_Findings", by: Principal
    ) -> None:
        taken = await known_templates(session, [str(one.get("name")) for one in document.templates])
        for position, one in enumerate(document.templates):
            sent = {key: value for key, value in one.items() if key not in ("created_by", "created_at")}
            if str(sent.get("name")) in taken:
                summary.skip("templates")
                continue
            try:
                template = TemplateSave.model_validate(sent)
                await self._templates.save_in(session, template, by)
            except ValidationError as error:
                found.add(f"templates.{position}", invalid(error, sent))
            except InvalidInput as error:
                found.add(f"templates.{position}", error)
            else:
                taken.add(template.name)
                summary.imported["templates"] += 1

    async def _import_calendars(
        self, session: Session, document: ImportDocument, summary: Summary, found: "_Findings", by: Principal
    ) -> None:
        names = [str(one.get("name")) for one in document.calendars]
        taken = {row["name"] for row in await calendars_named(session, names)}
        for position, one in enumerate(document.calendars):
            sent = {key: value for key, value in one.items() if key in NewCalendar.model_fields}
            if str(sent.get("name")) in taken:
                summary.skip("calendars")
                continue
            try:
                calendar = NewCalendar.model_validate(sent)
                spec = CalendarSpec.model_validate(calendar.model_dump(exclude={"name"}))
                await self._calendars.save_in(session, calendar.name, spec, by, may_replace=False)
            except ValidationError as error:
                found.add(f"calendars.{position}", invalid(error, sent))
            except InvalidInput as error:
                found.add(f"calendars.{position}", error)
            else:
                taken.add(calendar.name)
                summary.imported["calendars"] += 1

    async def _import_jobs(
        self,
        session: Session,
        document: ImportDocument,
        jobs: "list[_Job]",
        summary: Summary,
        found: "_Findings",
        by: Principal,
    ) -> None:
        ids, names = await known_jobs(session, [job.id for job in jobs], [job.body.name for job in jobs])
        groups = {DEFAULT_GROUP, *await group_names(session)}
        for name in document.groups:
            if name not in groups and await save_group(session, name):
                groups.add(name)
                summary.imported["groups"] += 1
        agents = await _agents_here(session, document.agents)
        for job in _dependencies_first(jobs):
            if job.id in ids or job.body.name in names:
                summary.skip("jobs")
                continue
            try:
                definition = job.definition(agents)
                await self._jobs.create_in(
                    session, definition, job.body.status, by, job_id=job.id, is_copy=True
                )
            except ValidationError as error:
                found.add(job.where, invalid(error, None))
            except (InvalidInput, NameTaken) as error:
                found.add(job.where, error)
                if isinstance(error, NameTaken):  # somebody took it just now, and the transaction is over
                    break
            else:
                ids.add(job.id)
                names.add(job.body.name)
                summary.imported["jobs"] += 1
                if definition.group not in groups:
                    groups.add(definition.group)
                    summary.imported["groups"] += 1


@dataclass(frozen=True, slots=True)
class _Job:
    """A job of the document."""

    where: str
    id: UUID
    body: JobCreate
    #: Ids or names of jobs that it waits for.
    depends_on: frozenset[str]

    def definition(self, agents: dict[str, str]) -> JobDefinition:
        """What is stored. An agent that is meant by id is looked for by its name: ids are another installation's."""
        document = self.body.model_dump(mode="json", exclude={"status"})
        target = document.get("target") or {}
        if target.get("agent_id") in agents:
            target["agent_id"] = agents[target["agent_id"]]
        return JobDefinition.model_validate(document)


class _Findings:
    """Everything that is wrong with a document."""

    def __init__(self) -> None:
        self._details: list[FieldError] = []

    def add(self, where: str, error: InvalidInput | Conflict) -> None:
        """What was found below a place of the document."""
        details = error.details or [FieldError("", str(error))]
        self._details += [FieldError(f"{where}.{d.field}".rstrip("."), d.reason) for d in details]

    def refuse(self) -> None:
        """Raises InvalidInput when there is anything."""
        if self._details:
            first, more = self._details[0], len(self._details) - 1
            rest = f" (and {more} more)" if more else ""
            raise InvalidInput(
                f"nothing was imported: {first.field}: {first.reason}{rest}",
                details=self._details[:MOST_FINDINGS],
            )


def _parse_jobs(documents: Iterable[dict[str, Any]], found: _Findings) -> list[_Job]:
    jobs: list[_Job] = []
    for position, document in enumerate(documents):
        where = f"jobs.{position}"
        job_id = as_uuid(str(document["id"])) if document.get("id") is not None else new_id()
        if job_id is None:
            found.add(where, InvalidInput.field("id", "must be a UUID"))
            continue
        try:
            body = JobCreate.model_validate(document)
        except ValidationError as error:
            found.add(where, invalid(error, document))
            continue
        jobs.append(_Job(where, job_id, body, frozenset(str(d.job_id) for d in body.depends_on)))
    return jobs


async def _parse_scripts(documents: Iterable[dict[str, Any]], found: _Findings) -> list[NewScript]:
    scripts: list[NewScript] = []
    places: list[str] = []
    for position, document in enumerate(documents):
        sent = {key: value for key, value in document.items() if key in NewScript.model_fields}
        try:
            scripts.append(NewScript.model_validate(sent))
        except ValidationError as error:
            found.add(f"scripts.{position}", invalid(error, sent))
        else:
            places.append(f"scripts.{position}")
    for where, problem in zip(places, await syntax_problems(scripts), strict=True):
        if problem is not None:
            found.add(where, InvalidInput.field("code", problem))
    return scripts


def _dependencies_first(jobs: list[_Job]) -> list[_Job]:
    """Each after those that it waits for; what waits in a circle comes last, and is refused then."""
    by_id = {job.id: job for job in jobs}
    known = {ref: job.id for job in jobs for ref in (str(job.id), job.body.name)}
    waits_for = {job.id: {known[ref] for ref in job.depends_on if ref in known} for job in jobs}
    followers: dict[UUID, list[UUID]] = {}
    for job_id, others in waits_for.items():
        for other in others:
            followers.setdefault(other, []).append(job_id)
    ready = [job_id for job_id, others in waits_for.items() if not others]
    for job_id in ready:  # grows while it is walked
        for follower in followers.get(job_id, ()):
            waits_for[follower].discard(job_id)
            if not waits_for[follower]:
                ready.append(follower)
    return [by_id[job_id] for job_id in dict.fromkeys([*ready, *by_id])]


async def _agents_here(session: Session, exported: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Ids of agents there to ids of agents of the same name here, where they differ."""
    here = {row["name"]: str(row["id"]) for row in await list_agents(session)}
    return {
        str(agent.get("id")): here[str(agent.get("name"))]
        for agent in exported
        if str(agent.get("name")) in here
    }

"""Taking in what another installation exported: all of it, or, when anything is wrong with it, nothing."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.calendars import CalendarService
from tocsin_controller.services.connections import ConnectionService
from tocsin_controller.services.findings import invalid
from tocsin_controller.services.fleet_settings import KNOWN, FleetSettings
from tocsin_controller.services.importing.intake import Findings, Intake, Left, Summary
from tocsin_controller.services.importing.jobs import ImportedJob, agents_here, dependencies_first, parse_jobs
from tocsin_controller.services.importing.settings import PREFIX, schedule_of
from tocsin_controller.services.jobs import JobService
from tocsin_controller.services.pipelines import PipelineService
from tocsin_controller.services.script_syntax import syntax_problems
from tocsin_controller.services.scripts import ScriptService
from tocsin_controller.services.templates import TemplateService
from tocsin_controller.services.variables import VariableService
from tocsin_controller.store.calendars import calendars_named
from tocsin_controller.store.connections import known_connections
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.groups import group_names, save_group
from tocsin_controller.store.jobs import read_clock
from tocsin_controller.store.moving import known_jobs, known_templates, known_variables
from tocsin_controller.store.pipeline_schedules import pipeline_schedule
from tocsin_controller.store.scripts import known_scripts
from tocsin_shared.calendars import CalendarSpec, NewCalendar
from tocsin_shared.connections.requests import ConnectionCreate
from tocsin_shared.errors import Conflict, InvalidInput, NameTaken
from tocsin_shared.jobs import DEFAULT_GROUP
from tocsin_shared.masks import MASK, VARIABLE_MASK
from tocsin_shared.moving import ImportDocument
from tocsin_shared.scripts import NewScript
from tocsin_shared.templates import TemplateSave
from tocsin_shared.variables import VariableCreate


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
        pipelines: PipelineService,
    ) -> None:
        self._db = db
        self._calendars = calendars
        self._jobs = jobs
        self._variables = variables
        self._connections = connections
        self._scripts = scripts
        self._templates = templates
        self._settings = settings
        self._pipelines = pipelines

    async def take_in(self, document: ImportDocument, by: Principal, *, dry_run: bool) -> Summary:
        """What is there already stays as it is, by id or name. Raises InvalidInput with all that is wrong.

        A dry run does everything and takes it back.
        """
        intake = Intake()
        jobs = await asyncio.to_thread(parse_jobs, document.jobs, intake.found)
        scripts = await _parse_scripts(document.scripts, intake.found)
        try:
            async with self._db.transaction() as session:
                await self._import_settings(session, document, intake, by)
                await self._import_variables(session, document, intake, by)
                await self._import_scripts(session, scripts, intake, by)
                await self._import_connections(session, document, intake, by)
                await self._import_templates(session, document, intake, by)
                await self._import_calendars(session, document, intake, by)
                await self._import_jobs(session, document, jobs, intake, by)
                await self._import_schedules(session, document, intake, by)
                intake.found.refuse()
                told = ", ".join(
                    f"{count} {kind}" for kind, count in intake.summary.imported.items() if count
                )
                await add_audit(session, by, "data.imported", "data", details=told or "nothing new")
                if dry_run:
                    raise _Rehearsed
        except _Rehearsed:
            return intake.summary
        self._jobs.announce()
        return intake.summary

    async def _import_settings(
        self, session: Session, document: ImportDocument, intake: Intake, by: Principal
    ) -> None:
        wanted: dict[str, str] = {}
        for key, value in document.settings.items():
            if key.startswith(PREFIX):
                continue  # after the jobs
            if key not in KNOWN or MASK in value:  # other releases and products have settings of their own
                intake.summary.skip("settings")
            else:
                wanted[key] = value
        try:
            await self._settings.change_in(session, wanted, by)
        except InvalidInput as error:
            intake.found.add("settings", error)
        intake.summary.imported["settings"] = len(wanted)

    async def _import_schedules(
        self, session: Session, document: ImportDocument, intake: Intake, by: Principal
    ) -> None:
        """When groups start by themselves; a group that has a schedule keeps it."""
        for key, value in document.settings.items():
            if not key.startswith(PREFIX):
                continue
            try:
                group, schedule = schedule_of(key, value)
                if await pipeline_schedule(session, group) is not None:
                    intake.summary.skip("settings")
                    continue
                await self._pipelines.set_schedule_in(session, group, schedule, by)
            except InvalidInput as error:
                intake.found.add("settings", error)
            else:
                intake.summary.imported["settings"] += 1

    async def _import_variables(
        self, session: Session, document: ImportDocument, intake: Intake, by: Principal
    ) -> None:
        now = await read_clock(session)

        async def save(variable: VariableCreate) -> None:
            is_over = variable.expires_at is not None and variable.expires_at <= now
            if is_over or variable.value in (MASK, VARIABLE_MASK):
                raise Left
            await self._variables.create_in(session, variable, by)

        taken = await known_variables(session, _names(document.variables))
        await intake.named("variables", document.variables, VariableCreate, taken, save)

    async def _import_scripts(
        self, session: Session, scripts: list[NewScript], intake: Intake, by: Principal
    ) -> None:
        taken = await known_scripts(session, [script.name for script in scripts])
        for script in scripts:
            if script.name in taken:
                intake.summary.skip("scripts")
                continue
            try:
                await self._scripts.save_in(session, script.name, script, by)
            except Conflict as error:
                intake.found.add("scripts", error)
                return
            taken.add(script.name)
            intake.summary.imported["scripts"] += 1

    async def _import_connections(
        self, session: Session, document: ImportDocument, intake: Intake, by: Principal
    ) -> None:
        """Before jobs, which refer to them."""

        async def save(connection: ConnectionCreate) -> None:
            await self._connections.create_in(session, connection, by)

        taken = await known_connections(session, _names(document.connections))
        await intake.named("connections", document.connections, ConnectionCreate, taken, save)

    async def _import_templates(
        self, session: Session, document: ImportDocument, intake: Intake, by: Principal
    ) -> None:
        async def save(template: TemplateSave) -> None:
            await self._templates.save_in(session, template, by)

        taken = await known_templates(session, _names(document.templates))
        await intake.named("templates", document.templates, TemplateSave, taken, save)

    async def _import_calendars(
        self, session: Session, document: ImportDocument, intake: Intake, by: Principal
    ) -> None:
        async def save(calendar: NewCalendar) -> None:
            spec = CalendarSpec.model_validate(calendar.model_dump(exclude={"name"}))
            await self._calendars.save_in(session, calendar.name, spec, by, may_replace=False)

        taken = {row["name"] for row in await calendars_named(session, _names(document.calendars))}
        await intake.named("calendars", document.calendars, NewCalendar, taken, save)

    async def _import_jobs(
        self,
        session: Session,
        document: ImportDocument,
        jobs: list[ImportedJob],
        intake: Intake,
        by: Principal,
    ) -> None:
        ids, names = await known_jobs(session, [job.id for job in jobs], [job.body.name for job in jobs])
        groups = {DEFAULT_GROUP, *await group_names(session)}
        for name in document.groups:
            if name not in groups and await save_group(session, name):
                groups.add(name)
                intake.summary.imported["groups"] += 1
        agents = await agents_here(session, document.agents)
        for job in dependencies_first(jobs):
            if job.id in ids or job.body.name in names:
                intake.summary.skip("jobs")
                continue
            try:
                definition = job.definition(agents)
                await self._jobs.create_in(
                    session, definition, job.body.status, by, job_id=job.id, is_copy=True
                )
            except ValidationError as error:
                intake.found.add(job.where, invalid(error, None))
            except (InvalidInput, NameTaken) as error:
                intake.found.add(job.where, error)
                if isinstance(error, NameTaken):  # somebody took it just now, and the transaction is over
                    break
            else:
                ids.add(job.id)
                names.add(job.body.name)
                intake.summary.imported["jobs"] += 1
                if definition.group not in groups:
                    groups.add(definition.group)
                    intake.summary.imported["groups"] += 1


def _names(documents: Sequence[dict[str, Any]]) -> list[str]:
    return [str(one.get("name")) for one in documents]


async def _parse_scripts(documents: Iterable[dict[str, Any]], found: Findings) -> list[NewScript]:
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

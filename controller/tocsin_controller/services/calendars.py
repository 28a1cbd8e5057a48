"""Named calendars as people change them: what is checked, and what follows for the jobs that refer to them."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import asyncpg

from tocsin_controller.hints import OUTBOX, Hints
from tocsin_controller.scheduling.calendar_days import day_of
from tocsin_controller.scheduling.checking import refusal
from tocsin_controller.scheduling.cron_syntax import CronError, depends_on_name, parse
from tocsin_controller.scheduling.holiday_sets import mistake_in, names_in_year
from tocsin_controller.scheduling.rescheduling import CHANGED, SETTLE_SECS
from tocsin_controller.scheduling.zones import UnknownZone, load_zone
from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.store.calendars import calendars_shown, delete_calendar, save_calendar
from tocsin_controller.store.database import Database, Record, Session
from tocsin_controller.store.outbox import add_to_outbox
from tocsin_shared.calendars import CalendarSpec
from tocsin_shared.errors import Conflict, FieldError, NameTaken, NotFound


class CalendarService:
    """Calendars by name."""

    def __init__(self, db: Database, hints: Hints) -> None:
        self._db = db
        self._hints = hints

    async def all(self) -> list[dict[str, Any]]:
        """All, by name; a thousand at most."""
        return [_shown(row) for row in await calendars_shown(self._db)]

    async def get(self, name: str) -> dict[str, Any]:
        """One calendar. Raises NotFound."""
        return _shown(await self._row(name))

    async def days(self, name: str, year: int) -> list[dict[str, str]]:
        """The days off of a year, with what they are called. Raises NotFound."""
        spec = CalendarSpec.model_validate((await self._row(name))["definition"])
        return await asyncio.to_thread(_days, spec, year)

    async def save(
        self, name: str, spec: CalendarSpec, by: Principal, *, may_replace: bool
    ) -> dict[str, Any]:
        """A new calendar, or the new content of an old one. Raises InvalidInput, NameTaken."""
        async with self._db.transaction() as session:
            await self.save_in(session, name, spec, by, may_replace=may_replace)
        self._hints.hint(OUTBOX)
        return await self.get(name)

    async def save_in(
        self, session: Session, name: str, spec: CalendarSpec, by: Principal, *, may_replace: bool
    ) -> None:
        """The same in the caller's transaction."""
        if wrong := await asyncio.to_thread(_mistakes, spec):
            raise refusal(wrong)
        is_new = await save_calendar(
            session, name, spec.model_dump(mode="json"), by.name, may_replace=may_replace
        )
        if is_new is None:
            raise NameTaken.of("a calendar", name)
        if not is_new:
            # Once now, and once when whoever decided by the old content has written what they decided.
            for delay_secs in (0.0, SETTLE_SECS):
                await add_to_outbox(session, CHANGED, [{"calendar": name}], delay_secs=delay_secs)
        operation = "calendar.created" if is_new else "calendar.updated"
        await add_audit(session, by, operation, "calendar", name)

    async def delete(self, name: str, by: Principal) -> None:
        """Raises NotFound, and Conflict naming the jobs that refer to it."""
        try:
            async with self._db.transaction() as session:
                if not await delete_calendar(session, name):
                    raise _no_calendar(name)
                await add_audit(session, by, "calendar.deleted", "calendar", name)
        except asyncpg.ForeignKeyViolationError:
            users = ", ".join(f"'{job}'" for job in (await self._row(name))["jobs"])
            raise Conflict(f"the calendar is in use by {users or 'a job'}") from None

    async def _row(self, name: str) -> Record:
        rows = await calendars_shown(self._db, name)
        if not rows:
            raise _no_calendar(name)
        return rows[0]


def _shown(row: Record) -> dict[str, Any]:
    keys = ("name", "created_by", "updated_by", "created_at", "updated_at", "jobs")
    return {**row["definition"], **{key: row[key] for key in keys}}


def _mistakes(spec: CalendarSpec) -> list[FieldError]:
    wrong: list[FieldError] = []
    for number, one in enumerate(spec.holidays):
        if mistake := mistake_in((one.country, one.subdivision)):
            wrong.append(FieldError(f"holidays.{number}.{mistake[0]}", mistake[1]))
    for number, window in enumerate(spec.windows):
        if window.cron is not None and (why := _cron_mistake(window.cron)):
            wrong.append(FieldError(f"windows.{number}.cron", why))
    if spec.timezone is not None:
        try:
            load_zone(spec.timezone)
        except UnknownZone as error:
            wrong.append(FieldError("timezone", str(error)))
    return wrong


def _cron_mistake(expression: str) -> str | None:
    try:
        if not parse(expression).is_possible:
            return "never comes: no month has such a day"
    except CronError as error:
        return str(error)
    return "H and ~ depend on a job's name, and a calendar has none" if depends_on_name(expression) else None


def _days(spec: CalendarSpec, year: int) -> list[dict[str, str]]:
    found = {day_of(day): "date of the calendar" for day in spec.dates if day.year == year}
    for one in reversed(spec.holidays):
        found |= names_in_year((one.country, one.subdivision), year)
    return [{"date": _date(day), "name": name} for day, name in sorted(found.items())]


def _date(day: int) -> str:
    return f"{datetime.fromtimestamp(day * 86_400, UTC):%Y-%m-%d}"


def _no_calendar(name: str) -> NotFound:
    return NotFound(f"there is no calendar '{name[:100]}'")

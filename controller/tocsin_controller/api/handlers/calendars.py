"""Routes about named calendars."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.scheduling.holiday_sets import FIRST_YEAR, LAST_YEAR
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.calendars import CalendarService
from tocsin_shared.calendar_schedules import CalendarName
from tocsin_shared.calendars import CalendarSpec, CalendarView, DayOff, NewCalendar
from tocsin_shared.errors import InvalidInput
from tocsin_shared.wire import Model

_NAME: TypeAdapter[str] = TypeAdapter(CalendarName)


class DaysQuery(Model):
    """Which days."""

    model_config = ConfigDict(extra="forbid")

    year: Annotated[int, Field(ge=FIRST_YEAR, le=LAST_YEAR, description="Days off of this year.")]


class CalendarRoutes:
    """Read, save and delete."""

    def __init__(self, parts: Parts) -> None:
        self._calendars = CalendarService(parts.db, parts.engine.hints)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        one = "/api/calendars/{name}"
        return [
            Route(
                "GET", "/api/calendars", self.list, "List calendars by name", READERS, "calendars",
                response=list[CalendarView],
            ),
            Route(
                "POST", "/api/calendars", self.create, "Create a calendar", WRITERS, "calendars",
                body=NewCalendar, response=CalendarView, status=201,
            ),
            Route("GET", one, self.get, "Read a calendar", READERS, "calendars", response=CalendarView),
            Route(
                "PUT", one, self.save, "Save a calendar: new, or instead of what is there", WRITERS, "calendars",
                body=CalendarSpec, response=CalendarView,
            ),
            Route(
                "DELETE", one, self.delete, "Delete a calendar that no job refers to", WRITERS, "calendars", status=204,
            ),
            Route(
                "GET", one + "/days", self.days, "Its days off in a year, with their names", READERS, "calendars",
                query=DaysQuery, response=list[DayOff],
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Any:
        return await self._calendars.all()

    async def create(self, call: Call) -> Any:
        spec = CalendarSpec.model_validate(call.body.model_dump(exclude={"name"}))
        return await self._calendars.save(call.body.name, spec, call.caller, may_replace=False)

    async def get(self, call: Call) -> Any:
        return await self._calendars.get(call.path["name"])

    async def save(self, call: Call) -> Any:
        try:
            name = _NAME.validate_python(call.path["name"])
        except ValidationError:
            why = "must be letters, digits, `-`, `_` and `.`, a hundred at most"
            raise InvalidInput.field("name", why) from None
        return await self._calendars.save(name, call.body, call.caller, may_replace=True)

    async def delete(self, call: Call) -> None:
        await self._calendars.delete(call.path["name"], call.caller)

    async def days(self, call: Call) -> Any:
        return await self._calendars.days(call.path["name"], call.query.year)

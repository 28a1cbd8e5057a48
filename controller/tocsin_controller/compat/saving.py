"""From parts of a definition to what the job service takes."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from tocsin_controller.security.roles import Principal
from tocsin_controller.services.etags import Precondition, etag_of
from tocsin_controller.services.findings import invalid
from tocsin_controller.services.jobs import JobService
from tocsin_controller.store.database import Record
from tocsin_shared.errors import PreconditionFailed
from tocsin_shared.jobs import JobCreate, JobUpdate

#: Of as many who change one job at the same time each gets a turn.
_MOST_TRIES: Final = 20


def as_create(parts: dict[str, Any]) -> JobCreate:
    """A new job. Raises InvalidInput."""
    try:
        return JobCreate.model_validate(parts)
    except ValidationError as error:
        raise invalid(error, parts) from None


def counted_from_now(parts: dict[str, Any], now: datetime, starts_at: str | None = None) -> dict[str, Any]:
    """Intervals are first due once they have passed, where other schedulers have it so.

    One with a beginning of its own is counted from there.
    """
    schedule = parts.get("schedule")
    if schedule is None or schedule["type"] != "interval" or starts_at is not None:
        return parts
    try:
        first = now.replace(microsecond=0) + timedelta(seconds=schedule["value"]["interval_secs"])
    except OverflowError:  # longer than there is time: refused where definitions are checked
        return parts
    return {**parts, "starts_at": first.isoformat()}


async def change_job(
    jobs: JobService,
    read: Callable[[], Awaitable[Record]],
    change: Callable[[Record], Awaitable[JobUpdate]],
    by: Principal,
) -> None:
    """Save what becomes of the job as it is; worked out anew where somebody changed it meanwhile, by whichever API.

    Raises what `read` and `change` raise, and as JobService.update does.
    """
    for tries_left in reversed(range(_MOST_TRIES)):
        row = await read()
        body = await change(row)
        try:
            await jobs.update(str(row["id"]), body, by, if_match=Precondition(frozenset({etag_of(row)})))
        except PreconditionFailed:
            if not tries_left:
                raise
        else:
            return


def as_update(parts: dict[str, Any], stored: dict[str, Any], api: str | None = None) -> JobUpdate:
    """A change of a job: what these parts do not speak of stays, also what other APIs keep of it. Raises InvalidInput.

    `api` says whose part of `compat` is among them.
    """
    if api is not None:
        parts = {**parts, "compat": {**(stored.get("compat") or {}), **parts["compat"]}}
    try:
        return JobUpdate.model_validate(parts)
    except ValidationError as error:
        raise invalid(error, parts) from None

"""Jobs as Dkron's clients see and change them, over the service of ours."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from tocsin_controller.compat.dkron.checking import check_job
from tocsin_controller.compat.dkron.merging import merged_work
from tocsin_controller.compat.dkron.owners import changed_mail
from tocsin_controller.compat.dkron.reading import DECIDED, definition_of, kept_of, marks
from tocsin_controller.compat.dkron.writing import Past, kept_by, later, show_job
from tocsin_controller.compat.saving import as_create, as_update, change_job, counted_from_now
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.jobs import JobService
from tocsin_controller.services.show import show_definition
from tocsin_controller.store.database import Database, Record
from tocsin_controller.store.dkron import families, histories
from tocsin_controller.store.history import FIRST_ID
from tocsin_controller.store.jobs import job_row, list_jobs, read_clock
from tocsin_controller.workflow.notifying.channels import EMAIL, fleet_notifications
from tocsin_shared.errors import NameTaken, NotFound
from tocsin_shared.ids import id_floor
from tocsin_shared.jobs import JobUpdate

#: Jobs of one answer.
MOST_JOBS: Final = 10_000
_SHOWN_AT_ONCE: Final = 100


class NoParent(NotFound):
    """specified parent job not found"""


class DkronJobs:
    """Reads and saves them."""

    def __init__(self, db: Database, jobs: JobService) -> None:
        self._db = db
        self._jobs = jobs

    async def row(self, name: str) -> Record:
        """A job by its name. Raises NotFound."""
        row = await job_row(self._db, name) if "\x00" not in name else None
        if row is None:
            raise NotFound(f"job {name[:100]} not found")
        return row

    async def rows(self) -> list[Record]:
        """All of them, by name."""
        page = await list_jobs(
            self._db, status=None, group=None, search=None, after=None, offset=0, limit=MOST_JOBS, cap=MOST_JOBS
        )  # fmt: skip
        return sorted(page.rows, key=lambda row: str(row["name"]))

    async def show(self, rows: Sequence[Record]) -> list[dict[str, Any]]:
        """Jobs in Dkron's words."""
        counts = await histories(self._db, {row["id"]: _since(row) for row in rows})
        parents, children = await families(self._db, [row["id"] for row in rows])
        shown: list[dict[str, Any]] = []
        for at, row in enumerate(rows):
            if at % _SHOWN_AT_ONCE == 0:
                await asyncio.sleep(0)  # lists can be long: others get their turns
            past = Past(counts.get(row["id"]), parents.get(row["id"], ""), children.get(row["id"], []))
            shown.append(show_job(row, past))
        return shown

    async def show_one(self, name: str) -> dict[str, Any]:
        """One job. Raises NotFound."""
        return (await self.show([await self.row(name)]))[0]

    async def save(self, job: dict[str, Any], by: Principal) -> None:
        """Make it, or put it in place of the one of its name. Raises InvalidInput, NoParent."""
        now = await read_clock(self._db)
        check_job(job, now)
        parent = None
        if job["parent_job"]:
            found = await job_row(self._db, job["parent_job"])
            if found is None:
                raise NoParent
            parent = str(found["id"])
        row = await job_row(self._db, job["name"])
        if row is None:
            try:
                await self._create(job, parent, now, by)
            except NameTaken:  # by somebody who sent it at the same time
                pass
            else:
                return

        async def replaced(row: Record) -> JobUpdate:
            return await self._replaced(row, job, parent, now)

        await change_job(self._jobs, lambda: self.row(job["name"]), replaced, by)

    async def set_disabled(self, row: Record, by: Principal, *, is_disabled: bool) -> None:
        """Switch its schedule off or on."""
        status = {"status": "paused" if is_disabled else "scheduled"}
        await self._jobs.update(str(row["id"]), as_update(status, row["definition"]), by)

    async def forget_executions(self, row: Record, by: Principal) -> None:
        """Dkron's clients see no execution made before now, and counters begin at nothing."""
        now = await read_clock(self._db)
        hidden = {"since": (now + timedelta(milliseconds=1)).isoformat(), "base": {}}

        async def forgetful(row: Record) -> JobUpdate:
            kept = kept_by(row["definition"]) | hidden
            return as_update({"compat": {"dkron": kept}}, row["definition"], "dkron")

        await change_job(self._jobs, lambda: self.row(str(row["name"])), forgetful, by)

    async def _can_mail(self) -> bool:
        return EMAIL in (await fleet_notifications(self._db)).channels

    async def _create(self, job: dict[str, Any], parent: str | None, now: datetime, by: Principal) -> None:
        parts = counted_from_now(definition_of(job, parent, now), now, job["starts_at"])
        parts |= changed_mail(None, job["owner_email"], "", can_mail=await self._can_mail())
        body = as_create(parts)
        kept = {"job": kept_of(job), "made": marks(body.model_dump(mode="json")), "base": _base(job, {})}
        await self._jobs.create(as_create({**parts, "compat": {"dkron": kept}}), by)

    async def _replaced(
        self, row: Record, job: dict[str, Any], parent: str | None, now: datetime
    ) -> JobUpdate:
        """What is sent as it is shown stays as it was made, wherever that was."""
        shown = (await self.show([row]))[0]
        parts = counted_from_now(definition_of(job, parent, now), now, job["starts_at"])
        stored = show_definition(row["definition"])
        parts |= merged_work(stored, shown, job)
        moved = {
            part
            for keys, decided in DECIDED.items()
            if any((job[key] or None) != (shown[key] or None) for key in keys)
            for part in decided
        }
        stays = {part for decided in DECIDED.values() for part in decided} - moved | {"retry_delay_secs"}
        parts = {part: value for part, value in parts.items() if part not in stays}
        told, owner, before_owner = (
            row["definition"].get("notifications"),
            job["owner_email"],
            shown["owner_email"],
        )
        parts |= changed_mail(told, owner, before_owner, can_mail=await self._can_mail())
        merged = as_update(parts, row["definition"]).merged_over(row["definition"]).model_dump(mode="json")
        before = kept_by(row["definition"])
        made = marks(merged)
        if not before.get("job"):  # of a job from elsewhere only what Dkron's clients have changed is theirs
            made = {key: made[key] for key in made if any(job[one] != shown[one] for one in _keys_of(key))}
        counted = {key: shown[key] - (before.get("base") or {}).get(key, 0) for key in _COUNTERS}
        kept = before | {"job": kept_of(job), "made": made, "base": _base(job, shown, counted)}
        if not job["status"] and (before.get("job") or {}).get("status"):
            kept["job"]["status"] = before["job"]["status"]
        return as_update({**parts, "compat": {"dkron": kept}}, row["definition"], "dkron")


_COUNTERS: Final = ("success_count", "error_count")


def _keys_of(first: str) -> tuple[str, ...]:
    return next(keys for keys in DECIDED if keys[0] == first)


def _since(row: Record) -> UUID:
    since = kept_by(row["definition"]).get("since")
    return id_floor(datetime.fromisoformat(since)) if since else FIRST_ID


def _base(
    job: dict[str, Any], shown: dict[str, Any], counted: dict[str, int] | None = None
) -> dict[str, Any]:
    """What counters begin with, so that they show whatever is larger, or later: what was sent or what was shown."""
    base: dict[str, Any] = {}
    for key in _COUNTERS:
        base[key] = max(job[key], shown.get(key, 0)) - (counted or {}).get(key, 0)
    for key in ("last_success", "last_error"):
        base[key] = later(job[key], shown.get(key))
    return {key: value for key, value in base.items() if value}

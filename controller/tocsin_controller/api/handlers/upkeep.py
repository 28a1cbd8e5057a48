"""Routes for whoever looks after the installation: metrics, vacuum."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.metrics import CONTENT_TYPE, Metric, exposition
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import ADMINS
from tocsin_controller.services.statistics import Statistics
from tocsin_controller.store.groups import group_names
from tocsin_controller.store.wellbeing import agent_counts, database_size, vacuum
from tocsin_shared.errors import Conflict, Unavailable
from tocsin_shared.jobs import DEFAULT_GROUP
from tocsin_shared.views.system import VacuumView

#: A database that does not answer within this time is away.
PROBE_SECS: Final = 3.0
#: Scrapes that come sooner get the same figures.
FRESH_SECS: Final = 10.0
VACUUM_SECS: Final = 600.0


class UpkeepRoutes:
    """Metrics and vacuum."""

    def __init__(self, parts: Parts) -> None:
        self._db = parts.db
        self._statistics = Statistics(parts.db)
        self._vacuuming = asyncio.Lock()
        self._asking = asyncio.Lock()
        self._figures: list[Metric] = []
        self._asked_at = float("-inf")

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        return [
            Route(
                "GET", "/metrics", self.metrics, "Figures for Prometheus", None, "system",
                media_type="text/plain",
            ),
            Route(
                "POST", "/api/admin/vacuum", self.vacuum, "Free what was deleted in the database, and count anew; "
                "answers when it is done", ADMINS, "system", response=VacuumView,
            ),
        ]  # fmt: skip

    async def metrics(self, call: Call) -> web.Response:
        try:
            async with asyncio.timeout(PROBE_SECS), self._asking:
                if time.monotonic() - self._asked_at > FRESH_SECS:
                    self._figures = await self._ask()
                    self._asked_at = time.monotonic()
            figures, is_ok = self._figures, 1
        except (Unavailable, TimeoutError):
            figures, is_ok = [], 0  # old figures would look as if all were well
        health = Metric("tocsin_db_ok", "gauge", "Whether the database answers.", is_ok)
        return web.Response(text=exposition([health, *figures]), headers={"Content-Type": CONTENT_TYPE})

    async def vacuum(self, call: Call) -> Any:
        if self._vacuuming.locked():
            raise Conflict("a vacuum is going on")
        async with self._vacuuming:
            size_before, began = await database_size(self._db), time.monotonic()
            async with self._db.hold(statement_timeout_secs=VACUUM_SECS) as held:
                await vacuum(held)
            elapsed_ms = round((time.monotonic() - began) * 1000)
            size_after = await database_size(self._db)
        async with self._db.transaction() as session:
            await add_audit(session, call.caller, "database.vacuumed", "database", details=f"{elapsed_ms} ms")
        return {
            "status": "ok",
            "size_before": size_before,
            "size_after": size_after,
            "elapsed_ms": elapsed_ms,
        }

    async def _ask(self) -> list[Metric]:
        charts = await self._statistics.charts()
        agents = await agent_counts(self._db)
        groups = {DEFAULT_GROUP, *await group_names(self._db)}
        jobs = charts["task_types"]
        return [
            Metric("tocsin_executions_total", "gauge", "Executions in the history that is kept, by status.",
                   charts["execution_outcomes"], "status"),
            Metric("tocsin_jobs_by_task_type", "gauge", "Jobs by what they do.", jobs, "type"),
            Metric("tocsin_jobs_total", "gauge", "Jobs.", sum(jobs.values())),
            Metric("tocsin_agents_total", "gauge", "Agents.", sum(agents.values())),
            Metric("tocsin_agents_online", "gauge", "Agents that are online.", agents.get("online", 0)),
            Metric("tocsin_groups_total", "gauge", "Groups of jobs.", len(groups)),
            Metric("tocsin_db_size_bytes", "gauge", "Size of the database.", await database_size(self._db)),
            *_as_dkron(charts["execution_outcomes"]),
        ]  # fmt: skip


def _as_dkron(outcomes: Mapping[str, int]) -> list[Metric]:
    """What Dkron's dashboards add up; without the names of jobs, for nobody who reads this has shown a key."""
    failed = sum(outcomes.get(name, 0) for name in ("Failed", "Timed Out"))
    kept = "in the history that is kept, as Dkron calls it."
    return [
        Metric(
            "dkron_job_executions_succeeded_total", "gauge", f"Successes {kept}", outcomes.get("Succeeded", 0)
        ),
        Metric("dkron_job_executions_failed_total", "gauge", f"Failures {kept}", failed),
    ]

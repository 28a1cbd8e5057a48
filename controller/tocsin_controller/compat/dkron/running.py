"""Running a job through Dkron's API: the answer comes when the run, its retries and all that it set off have ended."""

import time
from typing import Final
from uuid import UUID

from aiohttp import web

from tocsin_controller.api.waiters import is_reader_gone
from tocsin_controller.compat.facade import pause_between
from tocsin_controller.compat.past import until_over
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.jobs import JobService
from tocsin_controller.store import history
from tocsin_controller.store.agents import load_agent_facts
from tocsin_controller.store.database import Database, Record
from tocsin_controller.store.dkron import is_chain_over
from tocsin_controller.store.jobs import stored_job
from tocsin_controller.targeting import route_for, routes_of
from tocsin_shared.executions import Reason, RunStatus
from tocsin_shared.jobs import JobDefinition, TriggerRequest
from tocsin_shared.targets import is_fan_out

#: An answer is waited for so long, however long the jobs take.
MOST_WAITED_SECS: Final = 3_600.0
#: What a run sets off begins within this time, or there is nothing.
_BEGINS_WITHIN_SECS: Final = 30.0


async def start_run(db: Database, jobs: JobService, job: Record, by: Principal) -> UUID | None:
    """Run it now, whatever it waits for; None when no host can."""
    if not await _has_host(db, stored_job(job).definition):
        return None
    started = await jobs.trigger(str(job["id"]), TriggerRequest(), by, skip_deps=True)
    run = await history.run(db, UUID(started["run_id"]))
    if run is None or run["reason"] == Reason.NO_AGENT:
        return None
    found: UUID = run["id"]
    return found


async def wait_for_all(db: Database, run_id: UUID, request: web.Request, *, has_children: bool) -> None:
    """Return when nothing of it goes on any more, or nobody waits for the answer."""
    deadline = time.monotonic() + MOST_WAITED_SECS
    run = await until_over(db, run_id, MOST_WAITED_SECS, request)
    if run is None or run.row["status"] == RunStatus.SKIPPED or not has_children:
        return
    ended_at, tries = time.monotonic(), 0
    while time.monotonic() < deadline and not is_reader_gone(request):
        is_over = await is_chain_over(db, run_id)
        has_begun = is_over is not None or time.monotonic() - ended_at < _BEGINS_WITHIN_SECS
        if is_over or not has_begun:
            return
        await pause_between(tries)
        tries += 1


async def _has_host(db: Database, job: JobDefinition) -> bool:
    """Whether anybody is there to take it. Runs on every host say so themselves."""
    if is_fan_out(job.target):
        return True
    route = route_for(job.target, job.task.type)
    agents = await load_agent_facts(db)
    return any(agent.status == "online" and route in routes_of(agent) for agent in agents)

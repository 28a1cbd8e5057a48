"""Why: the facts about a run or a job, and what follows from them."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tocsin_controller.definitions import Definitions
from tocsin_controller.scheduling.blackouts import UnreadableCalendar, blackout_around
from tocsin_controller.scheduling.named_calendars import load_calendars
from tocsin_controller.services.eligible import MOST_AGENTS, judge_fleet, show_judgement
from tocsin_controller.services.jobs import JobService
from tocsin_controller.services.show import show_waiting
from tocsin_controller.store import history
from tocsin_controller.store.database import Database, Record
from tocsin_controller.store.explaining import attempts_of_run, newest_run_of_job
from tocsin_controller.store.jobs import job_row, read_clock, stored_job
from tocsin_controller.store.launching import count_open_runs
from tocsin_controller.store.places import places_of_run, places_taken
from tocsin_controller.why import job as job_rules
from tocsin_controller.why import run as run_rules
from tocsin_controller.why.findings import Finding
from tocsin_controller.why.job import Darkness, JobFacts
from tocsin_controller.why.run import RunFacts
from tocsin_controller.workflow.dependencies import missing_dependencies
from tocsin_controller.workflow.gates.places import needs_of
from tocsin_shared.calendars import Blackout
from tocsin_shared.errors import NotFound
from tocsin_shared.jobs import JobDefinition
from tocsin_shared.why import About

#: Executions of a run that are looked at, the open ones first.
MOST_ATTEMPTS: Final = 2_000


class Explainer:
    """Answers why."""

    def __init__(self, db: Database, definitions: Definitions, jobs: JobService) -> None:
        self._db = db
        self._definitions = definitions
        self._jobs = jobs

    async def run(self, run_id: UUID) -> dict[str, Any]:
        """Why a run ran, waits, was skipped or did not run. Raises NotFound."""
        run = await history.run(self._db, run_id)
        if run is None:
            raise NotFound(f"there is no run {run_id}")
        facts = await self._run_facts(run)
        findings = run_rules.explain_run(facts)
        return {
            "run_id": run_id,
            "job_id": run["job_id"],
            "job_name": run["job_name"],
            "status": run["status"],
            "reason": run["reason"],
            "summary": run_rules.summary_of(facts, findings),
            "findings": _shown(findings),
            "agents": [show_judgement(one) for one in facts.fleet[:MOST_AGENTS]],
        }

    async def _run_facts(self, run: Record) -> RunFacts:
        attempts = await attempts_of_run(self._db, run["id"], MOST_ATTEMPTS)
        places = show_waiting(await places_of_run(self._db, run["id"]))
        job = await self._definitions.get(self._db, (run["job_id"], run["job_version"]))
        waits = any(one.route is not None and one.ready_at is None and not one.is_held for one in attempts)
        fleet = (
            await judge_fleet(self._db, job.target, job.task.type)
            if waits and isinstance(job, JobDefinition)
            else []
        )
        return RunFacts(run, await read_clock(self._db), attempts, places, fleet)

    async def job(self, ref: str) -> dict[str, Any]:
        """When a job runs next, and what would keep it from running now. Raises NotFound, Conflict."""
        row = await job_row(self._db, self._jobs.ref(ref))
        if row is None:
            raise NotFound(f"there is no job '{ref[:100]}'")
        facts = await self._job_facts(row)
        findings = job_rules.explain_job(facts)
        return {
            "job_id": row["id"],
            "job_name": row["name"],
            "status": row["status"],
            "next_fire_time": row["next_fire_at"],
            "would_run_now": all(finding.about is not About.HINDERS for finding in findings),
            "summary": job_rules.summary_of(findings),
            "findings": _shown(findings),
            "agents": [show_judgement(one) for one in facts.fleet[:MOST_AGENTS]],
        }

    async def _job_facts(self, row: Record) -> JobFacts:
        job_id: UUID = row["id"]
        job = stored_job(row).definition
        needs = needs_of(job_id, job)
        taken = await places_taken(self._db, [need.key for need in needs])
        newest = await newest_run_of_job(self._db, job_id)
        now = await read_clock(self._db)
        dark_now, dark_next = await self._darkness(job, now, row["next_fire_at"])
        return JobFacts(
            row=row,
            job=job,
            now=now,
            fleet=await judge_fleet(self._db, job.target, job.task.type),
            open_runs=(await count_open_runs(self._db, [job_id])).get(job_id, 0),
            needs=[(need, taken[need.key]) for need in needs],
            missing=(await missing_dependencies(self._db, [job_id] if job.depends_on else [])).get(job_id),
            last_run=await history.run(self._db, newest) if newest else None,
            dark_now=dark_now,
            dark_next=dark_next,
        )

    async def _darkness(self, job: JobDefinition, *moments: datetime | None) -> list[Darkness | None]:
        """The blackouts of the job around these moments."""
        calendars = await load_calendars(self._db, job.blackouts)
        found: list[Darkness | None] = []
        for moment in moments:
            try:
                dark = blackout_around(job, calendars, moment) if moment else None
            except UnreadableCalendar as error:
                found.append(Darkness(str(error), Blackout.SKIP.value, None))
                continue
            until = dark.end if dark is not None and dark.end != moment else None
            found.append(Darkness(dark.why, dark.policy.value, until) if dark is not None else None)
        return found


def _shown(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [asdict(finding) for finding in findings]

"""Pipelines: their schedules, their runs with graph and critical path, starting and retrying them."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from tocsin_controller.definitions import Definitions
from tocsin_controller.hints import EVENTS, OUTBOX, Hints
from tocsin_controller.scheduling.checking import check_timing
from tocsin_controller.scheduling.fires import next_fire
from tocsin_controller.scheduling.pipelines import PipelineClock, arm, timing_of_pipeline
from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.services.deadlocks import again_after_deadlock
from tocsin_controller.services.idempotency import Repeatable, once
from tocsin_controller.store.database import Database, Record, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.groups import group_exists, save_group
from tocsin_controller.store.jobs import read_clock
from tocsin_controller.store.pipeline_history import (
    PipelineRunPage,
    list_pipeline_runs,
    pipeline_edges_shown,
    pipeline_groups,
    pipeline_run,
    pipeline_steps_shown,
)
from tocsin_controller.store.pipeline_schedules import (
    drop_pipeline_schedule,
    pipeline_schedule,
    set_pipeline_schedule,
)
from tocsin_controller.workflow.causes import trigger_of
from tocsin_controller.workflow.graph import critical_path
from tocsin_controller.workflow.pipelines import Begun, begin, retry
from tocsin_shared.errors import NotFound
from tocsin_shared.ids import new_id
from tocsin_shared.pipelines import PipelineScheduleSet

#: Pipelines that are listed.
MOST_PIPELINES: Final = 1_000
#: Steps and edges that are shown of one pipeline run.
MOST_STEPS: Final = 10_000
MOST_EDGES: Final = 20_000


class PipelineService:
    """Pipelines as people see and change them."""

    def __init__(self, db: Database, hints: Hints, definitions: Definitions, clock: PipelineClock) -> None:
        self._db = db
        self._hints = hints
        self._definitions = definitions
        self._clock = clock

    async def list(self) -> list[dict[str, Any]]:
        """Groups that are pipelines, by name."""
        return [_show_pipeline(row) for row in await pipeline_groups(self._db, MOST_PIPELINES)]

    async def schedule(self, group: str) -> dict[str, Any] | None:
        """A group's schedule as it was set; None when it has none."""
        row = await pipeline_schedule(self._db, group)
        return None if row is None else row["schedule"]

    async def set_schedule(self, group: str, wanted: PipelineScheduleSet, by: Principal) -> None:
        """Have the roots of a group start by themselves. Raises InvalidInput."""
        async with self._db.transaction() as session:
            await self.set_schedule_in(session, group, wanted, by)
        self._announce()

    async def set_schedule_in(
        self, session: Session, group: str, wanted: PipelineScheduleSet, by: Principal
    ) -> None:
        """The same in the caller's transaction, who announces it. Raises InvalidInput."""
        stored = wanted.schedule.model_dump(mode="json")
        now = await read_clock(session)
        anchor = now.replace(microsecond=0)
        timing = timing_of_pipeline(wanted, anchor, group)
        check_timing(timing, now=now)
        fire = next_fire(timing, now)
        next_fire_at = fire.at if fire else None
        generation = new_id()
        before = await pipeline_schedule(session, group)
        await set_pipeline_schedule(
            session,
            group,
            stored,
            timezone=wanted.timezone,
            dst=wanted.dst,
            generation=generation,
            anchor=anchor,
            next_fire_at=next_fire_at,
            by=by.name,
        )
        await arm(session, generation, next_fire_at, now)
        await save_group(session, group)
        await _tell(session, by, "group.scheduled", group, f"Pipeline '{group}' got a schedule")
        kept = {"schedule": stored, "timezone": wanted.timezone, "dst": wanted.dst.value}
        changes = {key: (before[key] if before else None, value) for key, value in kept.items()}
        await add_audit(session, by, "group.scheduled", "group", group, changes=changes)

    async def drop_schedule(self, group: str, by: Principal) -> None:
        """A group does not start by itself any more."""
        async with self._db.transaction() as session:
            if await drop_pipeline_schedule(session, group):
                message = f"Pipeline '{group}' has no schedule any more"
                await _tell(session, by, "group.unscheduled", group, message)
                await add_audit(session, by, "group.unscheduled", "group", group, message)
        self._announce()

    async def start(
        self, group: str, kind: str, by: Principal, *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Start the roots of a group now. The same Idempotency-Key gets the same answer (G5). Raises NotFound."""

        async def do(session: Session) -> tuple[Begun, str]:
            if not await group_exists(session, group):
                raise NotFound(f"there is no group '{group[:50]}'")
            now = await read_clock(session)
            begun = await begin(session, self._definitions, group, trigger_of(kind, by=by.name), now=now)
            message = f"Pipeline '{group}' was triggered"
            await _tell(session, by, "group.triggered", group, message, begun.id)
            await add_audit(session, by, "group.triggered", "group", group, f"pipeline run {begun.id}")
            return begun, "pipeline triggered"

        return await self._begin(Repeatable.of(by.key_id, idempotency_key, "pipeline-start", group), do)

    async def retry(
        self, group: str, pipeline_run_id: UUID, by: Principal, *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Run a pipeline run again from where it failed. The same Idempotency-Key gets the same answer (G5).

        Raises NotFound, Conflict.
        """

        async def do(session: Session) -> tuple[Begun, str]:
            begun = await retry(session, self._definitions, group, pipeline_run_id, by=by.name)
            message = f"Pipeline '{group}' was run again from {len(begun.run_ids)} failed steps"
            await _tell(session, by, "group.retried", group, message, begun.id)
            await add_audit(session, by, "group.retried", "group", group, f"pipeline run {begun.id}")
            return begun, f"{len(begun.run_ids)} steps are run again"

        asked_for = "pipeline-retry", group, pipeline_run_id
        return await self._begin(Repeatable.of(by.key_id, idempotency_key, *asked_for), do)

    @again_after_deadlock
    async def _begin(
        self, request: Repeatable | None, do: Callable[[Session], Awaitable[tuple[Begun, str]]]
    ) -> dict[str, Any]:
        """What the caller is answered, now or before; only what really began is announced."""
        begun: Begun | None = None

        async def begin_it() -> dict[str, Any]:
            nonlocal begun
            begun, message = await do(session)
            run_ids = [str(run_id) for run_id in begun.run_ids]
            return {"message": message, "pipeline_run_id": str(begun.id), "run_ids": run_ids}

        async with self._db.transaction() as session:
            answer = await once(session, request, begin_it)
        if begun is not None:
            self._clock.announce([begun.launched])
        return answer

    async def runs(
        self, group: str, *, status: str | None, before: UUID | None, offset: int, limit: int, cap: int
    ) -> PipelineRunPage:
        """A page of a group's pipeline runs."""
        return await list_pipeline_runs(
            self._db, group, status=status, before=before, offset=offset, limit=limit, cap=cap
        )

    async def run(self, group: str, pipeline_run_id: UUID) -> dict[str, Any]:
        """One pipeline run with its graph. Raises NotFound."""
        row = await pipeline_run(self._db, group, pipeline_run_id)
        if row is None:
            raise NotFound(f"group '{group[:50]}' has no pipeline run {pipeline_run_id}")
        steps = await pipeline_steps_shown(self._db, pipeline_run_id, MOST_STEPS + 1)
        edges = await pipeline_edges_shown(self._db, pipeline_run_id, MOST_EDGES + 1)
        is_truncated = len(steps) > MOST_STEPS or len(edges) > MOST_EDGES
        shown = [_show_step(step, row["status"]) for step in steps[:MOST_STEPS]]
        took = {step["job_id"]: step["duration_secs"] for step in shown if step["duration_secs"] is not None}
        path, secs = critical_path(took, [(edge["parent_id"], edge["job_id"]) for edge in edges])
        return show_pipeline_run(row) | {
            "steps": shown,
            "edges": [dict(edge) for edge in edges[:MOST_EDGES]],
            "is_truncated": is_truncated,
            "counts": dict(sorted(Counter(step["state"] for step in shown).items())),
            "critical_path": path,
            "critical_path_secs": round(secs, 6),
        }

    def _announce(self) -> None:
        self._hints.hint(OUTBOX)
        self._hints.hint(EVENTS)


def show_pipeline_run(row: Record) -> dict[str, Any]:
    """A pipeline run without its graph."""
    return {
        "id": row["id"],
        "group": row["group_name"],
        "status": row["status"],
        "triggered_by": row["trigger"],
        "created_at": row["created_at"],
        "finished_at": row["finished_at"],
        "duration_secs": _secs(row["created_at"], row["finished_at"]),
    }


def _show_pipeline(row: Record) -> dict[str, Any]:
    return {
        "group": row["group_name"],
        "jobs": row["jobs"],
        "schedule": row["schedule"],
        "timezone": row["timezone"],
        "next_fire_time": row["next_fire_at"],
        "last_run": show_pipeline_run(row) if row["id"] is not None else None,
    }


def _show_step(row: Record, pipeline_status: str) -> dict[str, Any]:
    keys = (
        "job_id", "job_name", "run_id", "reason", "message", "starts", "created_at", "started_at", "finished_at",
    )  # fmt: skip
    shown = {key: row[key] for key in keys}
    # A run that is gone by age leaves its step behind.
    shown["state"] = row["status"] or ("waiting" if pipeline_status == "running" else "not_run")
    until = row["finished_at"] or (row["now"] if row["status"] in ("pending", "running") else None)
    shown["duration_secs"] = _secs(row["created_at"], until)
    return shown


def _secs(since: datetime | None, until: datetime | None) -> float | None:
    """Between the two; an end that a host's own count puts before the beginning is at it."""
    if since is None or until is None:
        return None
    return round(max(until - since, timedelta(0)).total_seconds(), 6)


async def _tell(
    session: Session, by: Principal, kind: str, group: str, message: str, run_id: UUID | None = None
) -> None:
    event = NewEvent(
        kind=kind,
        severity="info",
        message=message,
        run_id=run_id,
        api_key_id=by.key_id,
        api_key_name=by.name,
        details=group,
    )
    await add_events(session, [event])

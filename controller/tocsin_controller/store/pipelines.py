"""Questions about pipeline runs: what ties the runs of one cascade together."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.dependencies import Awaited, awaited
from tocsin_controller.store.statements import sql

_RUNS_LOOKED_AT = sql("runs_looked_at")
_BEGIN = sql("begin_pipeline")
_START_STEPS = sql("start_steps")
_LOCK = sql("lock_pipelines")
_ENDED_STEPS = sql("ended_steps")
_STEPS_AFTER = sql("steps_after")
_AWAITED_BY_STEPS = sql("awaited_by_steps")
_CLAIM_STARTS = sql("claim_starts")
_JOBS_TO_START = sql("jobs_to_start")
_CLOSE_STEPS = sql("close_steps")
_SETTLE = sql("settle_pipelines")
_FORGET = sql("forget_pipelines")
_GROUP_GRAPH = sql("group_graph")
_LOCK_ONE = sql("lock_pipeline_run")
_STEPS_TO_RETRY = sql("steps_to_retry")
_REOPEN = sql("reopen_pipeline")


class Step(NamedTuple):
    """One job in one pipeline run."""

    pipeline_run_id: UUID
    job_id: UUID


class StartedStep(NamedTuple):
    """A step got a run."""

    step: Step
    run_id: UUID
    cause: UUID


class WaitingStep(NamedTuple):
    """A step, what it was last started for, and what it waits for."""

    step: Step
    cause: UUID | None
    is_open: bool
    awaited: list[Awaited]
    #: All that it waits for belongs to the same pipeline run.
    is_inside: bool


class EndedStep(NamedTuple):
    """The newest run of a step has ended."""

    step: Step
    run_id: UUID
    is_open: bool
    trigger: dict[str, Any]


class SettledPipeline(NamedTuple):
    """A pipeline run ended."""

    id: UUID
    group: str
    status: str
    created_at: datetime
    finished_at: datetime


async def runs_looked_at(session: Queries, run_ids: Collection[UUID]) -> list[Record]:
    """Where runs stand, and whether something waits for their jobs."""
    return await session.fetch(_RUNS_LOOKED_AT, list(run_ids))


async def begin_pipeline(
    session: Session,
    pipeline_run_id: UUID,
    *,
    group: str,
    trigger: dict[str, Any],
    created_at: datetime,
    roots: Sequence[UUID],
) -> bool:
    """Begin a pipeline run of these roots and everything below them; False when it had begun already."""
    begun = await session.fetchval(_BEGIN, pipeline_run_id, group, trigger, created_at, list(roots))
    return begun is not None


async def start_steps(session: Session, started: Sequence[StartedStep]) -> None:
    """These steps have a (new) run; the caller holds the locks."""
    if started:
        await session.execute(
            _START_STEPS,
            [s.step.pipeline_run_id for s in started],
            [s.step.job_id for s in started],
            [s.run_id for s in started],
            [s.cause for s in started],
        )


async def lock_pipelines(session: Session, pipeline_run_ids: Collection[UUID]) -> None:
    """Nobody else goes on with these pipeline runs until the transaction ends."""
    await session.fetch(_LOCK, list(pipeline_run_ids))


async def ended_steps(session: Session, run_ids: Collection[UUID]) -> list[EndedStep]:
    """Which of these runs are the newest of a step and have ended."""
    return [
        EndedStep(Step(row["pipeline_run_id"], row["job_id"]), row["run_id"], row["is_open"], row["trigger"])
        for row in await session.fetch(_ENDED_STEPS, list(run_ids))
    ]


async def steps_after(
    session: Session, steps: Sequence[tuple[Step, UUID]], limit: int
) -> dict[Step, list[Step]]:
    """The steps that wait for each of these, from a job's id on, so many of each."""
    rows = await session.fetch(
        _STEPS_AFTER,
        [step.pipeline_run_id for step, _ in steps],
        [step.job_id for step, _ in steps],
        [after for _, after in steps],
        limit,
    )
    found: dict[Step, list[Step]] = {step: [] for step, _ in steps}
    for row in rows:
        pipeline_run_id = row["pipeline_run_id"]
        found[Step(pipeline_run_id, row["parent_id"])].append(Step(pipeline_run_id, row["job_id"]))
    return found


async def awaited_by_steps(session: Session, steps: Collection[Step]) -> list[WaitingStep]:
    """What each of these steps waits for, and the runs that count for it."""
    rows = await session.fetch(
        _AWAITED_BY_STEPS, [s.pipeline_run_id for s in steps], [s.job_id for s in steps]
    )
    by_step: dict[Step, list[Record]] = {}
    for row in rows:
        by_step.setdefault(Step(row["pipeline_run_id"], row["waiting_id"]), []).append(row)
    return [
        WaitingStep(
            step,
            of_step[0]["cause"],
            of_step[0]["is_open"],
            [awaited(row) for row in of_step],
            all(row["is_inside"] for row in of_step),
        )
        for step, of_step in by_step.items()
    ]


async def claim_starts(session: Session, starts: Sequence[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Which of these (job, cause) nobody has started yet; they are the caller's."""
    if not starts:
        return set()
    rows = await session.fetch(_CLAIM_STARTS, [job for job, _ in starts], [cause for _, cause in starts])
    return {(row["job_id"], row["cause"]) for row in rows}


async def jobs_to_start(session: Session, job_ids: Collection[UUID]) -> dict[UUID, Record]:
    """Jobs as they are now: id, version, status, definition. Nobody deletes them until the transaction ends."""
    return {row["id"]: row for row in await session.fetch(_JOBS_TO_START, list(job_ids))}


async def close_steps(session: Session, run_ids: Collection[UUID]) -> None:
    """All that follows from the ends of these runs has been started; the caller holds the locks."""
    await session.execute(_CLOSE_STEPS, list(run_ids))


async def settle_pipelines(session: Session, pipeline_run_ids: Collection[UUID]) -> list[SettledPipeline]:
    """Work out where these stand; those that ended and are to be told of. The caller holds the locks."""
    rows = await session.fetch(_SETTLE, list(pipeline_run_ids))
    return [SettledPipeline(*row) for row in rows]


async def forget_pipelines(session: Session, before: UUID) -> None:
    """Pipeline runs with lower ids go, but those that go on, such as an old one that was retried."""
    await session.execute(_FORGET, before)


async def group_graph(session: Session, group: str) -> dict[UUID, list[UUID]]:
    """The jobs of a group, each with the jobs of the group that it waits for."""
    return {row["id"]: row["parent_ids"] for row in await session.fetch(_GROUP_GRAPH, group)}


async def lock_pipeline_run(session: Session, group: str, pipeline_run_id: UUID) -> Record | None:
    """One pipeline run of a group; nobody else goes on with it until the transaction ends."""
    return await session.fetchrow(_LOCK_ONE, pipeline_run_id, group)


async def steps_to_retry(session: Session, pipeline_run_id: UUID) -> list[Record]:
    """The steps that did not succeed, or never ran because of others' jobs: `job_id`, `run_id`, `trigger`, `status`."""
    return await session.fetch(_STEPS_TO_RETRY, pipeline_run_id)


async def reopen_pipeline(session: Session, pipeline_run_id: UUID) -> None:
    """A pipeline run goes on, and however it ends is told; the caller holds its lock."""
    await session.execute(_REOPEN, pipeline_run_id)

"""Questions about pipelines and their runs, as people read them."""

from dataclasses import dataclass
from uuid import UUID

from tocsin_controller.store.database import Queries, Record
from tocsin_controller.store.statements import sql

_GROUPS = sql("pipeline_groups")
_LIST = sql("list_pipeline_runs")
_ONE = sql("pipeline_run")
_STEPS = sql("pipeline_steps_shown")
_EDGES = sql("pipeline_edges_shown")


@dataclass(frozen=True, slots=True)
class PipelineRunPage:
    """A stretch of a group's pipeline runs, newest first."""

    rows: list[Record]
    #: Matching ones, counted up to the cap.
    total: int


async def pipeline_groups(db: Queries, most: int) -> list[Record]:
    """Groups that are pipelines, by name, with schedule and newest run."""
    return await db.fetch(_GROUPS, most)


async def list_pipeline_runs(
    db: Queries, group: str, *, status: str | None, before: UUID | None, offset: int, limit: int, cap: int
) -> PipelineRunPage:
    """Pipeline runs of a group."""
    rows = await db.fetch(_LIST, group, status, before, offset, limit, cap)
    return PipelineRunPage([r for r in rows if r["id"] is not None], rows[0]["total"] if rows else 0)


async def pipeline_run(db: Queries, group: str, pipeline_run_id: UUID) -> Record | None:
    """One pipeline run."""
    return await db.fetchrow(_ONE, pipeline_run_id, group)


async def pipeline_steps_shown(db: Queries, pipeline_run_id: UUID, most: int) -> list[Record]:
    """Its steps with their runs, those that ran first in order."""
    return await db.fetch(_STEPS, pipeline_run_id, most)


async def pipeline_edges_shown(db: Queries, pipeline_run_id: UUID, most: int) -> list[Record]:
    """What its steps wait for."""
    return await db.fetch(_EDGES, pipeline_run_id, most)

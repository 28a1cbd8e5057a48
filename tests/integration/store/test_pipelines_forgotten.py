"""Pipeline runs go by age, with all that belongs to them."""

from datetime import UTC, datetime, timedelta

from tocsin_controller.store.database import Database
from tocsin_controller.store.pipelines import (
    StartedStep,
    Step,
    begin_pipeline,
    forget_pipelines,
    start_steps,
)
from tocsin_controller.store.statements import Statement
from tocsin_shared.ids import id_floor, new_id

END = Statement("end", "UPDATE pipeline_runs SET status = 'succeeded' WHERE id = $1")
LEFT = Statement("left", "SELECT pipeline_run_id FROM pipeline_steps UNION SELECT id FROM pipeline_runs")


async def test_old_pipeline_runs_are_forgotten_with_their_steps_and_only_those(database: Database) -> None:
    now = datetime.now(UTC)
    old, old_but_running, young = (
        id_floor(now - timedelta(days=9)),
        id_floor(now - timedelta(days=8)),
        new_id(),
    )
    async with database.transaction() as session:
        for pipeline_run_id in (old, old_but_running, young):
            job_id = new_id()
            await begin_pipeline(
                session, pipeline_run_id, group="g", trigger={}, created_at=now, roots=[job_id]
            )
            await start_steps(session, [StartedStep(Step(pipeline_run_id, job_id), new_id(), new_id())])
        await session.execute(END, old)
        await forget_pipelines(session, id_floor(now - timedelta(days=7)))
    assert {row["pipeline_run_id"] for row in await database.fetch(LEFT)} == {old_but_running, young}

"""What Dkron's clients read of each job in every list is added up once."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from tocsin_controller.store.database import Database
from tocsin_controller.store.dkron import ADDED_UP_FROM, histories
from tocsin_controller.store.history import FIRST_ID
from tocsin_controller.store.statements import Statement
from tocsin_shared.ids import id_floor, new_id

JOB = Statement(
    "test_job",
    "INSERT INTO jobs (id, name, group_name, status, version, definition) VALUES ($1, 'j', 'g', 'scheduled', 1, '{}')",
)
EXECUTION = Statement(
    "test_execution",
    "INSERT INTO executions (id, run_id, job_id, job_version, status, finished_at) VALUES ($1, $1, $2, 1, $3, $4)",
)
END = Statement("test_end", "UPDATE executions SET status = 'failed', finished_at = now() WHERE id = $1")
ADDED_UP = Statement("test_added_up", "SELECT succeeded FROM dkron_counts WHERE job_id = $1")
DELETE = Statement("test_delete", "DELETE FROM jobs WHERE id = $1")


async def test_counts_stay_true_while_they_are_added_up(database: Database) -> None:
    job, began = new_id(), datetime.now(UTC) - timedelta(minutes=30)
    await database.execute(JOB, job)

    async def make(secs: float, status: str) -> UUID:
        execution_id = id_floor(began + timedelta(seconds=secs))
        ended = None if status == "running" else began + timedelta(seconds=secs)
        await database.execute(EXECUTION, execution_id, job, status, ended)
        return execution_id

    async def counted(since: UUID = FIRST_ID) -> tuple[int, int, int | None]:
        """What is shown, twice the same, and what of it is added up."""
        for _ in range(2):
            row = (await histories(database, {job: since}))[job]
        return row["succeeded"], row["failed"], await database.fetchval(ADDED_UP, job)

    for n in range(ADDED_UP_FROM):
        await make(n, "succeeded")
    slow = await make(ADDED_UP_FROM, "running")
    for n in range(ADDED_UP_FROM):
        await make(100 + n, "succeeded")
    young = 30 * 60 - 1
    await make(young, "failed")
    assert await counted() == (2 * ADDED_UP_FROM, 1, ADDED_UP_FROM), "nothing beyond what still runs"
    await database.execute(END, slow)
    assert await counted() == (2 * ADDED_UP_FROM, 2, 2 * ADDED_UP_FROM), "and nothing that is young"
    assert (await histories(database, {job: FIRST_ID}))[job]["last_error"] is not None
    since = id_floor(began + timedelta(seconds=young - 1))
    assert (await counted(since))[:2] == (0, 1), "what was forgotten is not counted, added up or not"
    await database.execute(DELETE, job)
    assert await database.fetchval(ADDED_UP, job) is None

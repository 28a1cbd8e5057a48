"""Groups of jobs over HTTP: empty ones are kept, and jobs that move fire on with their new version."""

from uuid import UUID

import asyncpg
from tests.integration.api.conftest import Api, Served

EVERY_HOUR = {"type": "cron", "value": "0 0 * * * *"}


async def test_empty_groups_are_kept_and_listed_with_those_in_use(api: Api) -> None:
    for _ in range(2):
        made = await api.call("POST", "/api/jobs/groups", {"name": " night shift "})
        assert (made.status, made.json) == (201, {"name": "night shift"})
    await api.job(group="alpha")
    assert await api.get("/api/jobs/groups") == ["Default", "alpha", "night shift"]
    for bad in ("", "a/b", "x" * 51):
        answer = await api.call("POST", "/api/jobs/groups", {"name": bad})
        assert answer.status == (201 if not bad else 400)


async def test_a_renamed_group_takes_its_jobs_along_as_saved_changes(
    served: Served, database_url: str
) -> None:
    api = served.api
    job = await api.job(group="etl", schedule=EVERY_HOUR)
    answer = await api.put("/api/jobs/rename-group", {"old_name": "etl", "new_name": "ETL"})
    assert answer == {"updated": 1}
    moved = await api.get(f"/api/jobs/{job['id']}")
    assert (moved["group"], moved["version"], moved["next_fire_time"]) == ("ETL", 2, job["next_fire_time"])
    connection = await asyncpg.connect(database_url)
    timer = "SELECT job_version FROM timers WHERE job_id = $1"
    assert await connection.fetchval(timer, UUID(job["id"])) == 2
    await connection.close()
    assert await api.get("/api/jobs/groups") == ["Default", "ETL"]
    assert await api.put("/api/jobs/rename-group", {"old_name": "nobody", "new_name": "x"}) == {"updated": 0}


async def test_jobs_are_moved_together_and_back_when_their_group_goes(api: Api) -> None:
    ids = [(await api.job())["id"] for _ in range(2)]
    unknown = "0198d2c0-11aa-7abc-9234-567890abcdef"
    moved = await api.put("/api/jobs/bulk-group", {"job_ids": [*ids, unknown], "group": "blue"})
    assert moved == {"updated": 2}
    assert await api.get("/api/jobs/groups") == ["Default", "blue"]
    await api.delete("/api/jobs/groups/blue")
    assert [(await api.get(f"/api/jobs/{job_id}"))["group"] for job_id in ids] == ["Default", "Default"]
    assert await api.get("/api/jobs/groups") == ["Default"]
    assert (await api.call("DELETE", "/api/jobs/groups/blue")).status == 404
    assert (await api.call("DELETE", "/api/jobs/groups/Default")).status == 409
    audited = (await api.get("/api/audit-log"))["data"]
    assert {"group.jobs_moved", "group.deleted"} <= {row["operation"] for row in audited}

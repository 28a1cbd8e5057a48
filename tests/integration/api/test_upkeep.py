"""Metrics and vacuum."""

from tests.integration.api.conftest import Api, Served, Worker

from tocsin_controller.api.metrics import Metric, exposition
from tocsin_controller.store.database import Database


async def metrics(api: Api) -> dict[str, float]:
    answer = await api.as_role(None).call("GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line for line in answer.body.decode().splitlines() if not line.startswith("#")]
    return {name: float(figure) for name, _, figure in (line.rpartition(" ") for line in lines)}


async def test_metrics_tell_how_things_are_without_a_key(api: Api, worker: Worker) -> None:
    job = await api.job(group="ops")
    await api.post(f"/api/jobs/{job['id']}/trigger")
    await worker.finish(await worker.take_one())
    figures = await metrics(api)
    assert figures.pop("tocsin_db_size_bytes") > 1_000_000
    assert figures == {
        "tocsin_db_ok": 1,
        'tocsin_executions_total{status="Succeeded"}': 1,
        'tocsin_jobs_by_task_type{type="noop"}': 1,
        "tocsin_jobs_total": 1,
        "tocsin_agents_total": 1,
        "tocsin_agents_online": 1,
        "tocsin_groups_total": 2,
        "dkron_job_executions_succeeded_total": 1,
        "dkron_job_executions_failed_total": 0,
    }


async def test_without_its_database_a_controller_says_so_in_its_metrics(
    served: Served, database: Database
) -> None:
    await database.close()
    assert await metrics(served.api) == {"tocsin_db_ok": 0}


async def test_a_vacuum_tells_what_it_did(api: Api) -> None:
    done = await api.post("/api/admin/vacuum")
    assert done["status"] == "ok"
    assert min(done["size_before"], done["size_after"]) > 0
    assert (await api.as_role("operator").call("POST", "/api/admin/vacuum")).status == 403
    assert (await api.get("/api/audit-log"))["data"][0]["operation"] == "database.vacuumed"


def test_label_values_can_be_anything() -> None:
    text = exposition([Metric("m", "gauge", "M.", {'a"b\\c\nd': 1}, "l")])
    assert text == '# HELP m M.\n# TYPE m gauge\nm{l="a\\"b\\\\c\\nd"} 1\n'

"""Parameters over HTTP: declared on the job, checked at the trigger, recorded on the run."""

from tests.integration.api.conftest import Api

PARAMETERS = [
    {"name": "version", "param_type": "text", "required": True},
    {"name": "env", "param_type": "select", "options": ["staging", "production"], "default": "staging"},
]


async def test_parameters_are_stored_as_they_were_sent_and_can_be_cleared(api: Api) -> None:
    job = await api.job("deploy", parameters=PARAMETERS)
    assert job["parameters"] == [
        {"name": "version", "param_type": "text", "required": True},
        {
            "name": "env",
            "param_type": "select",
            "required": False,
            "options": ["staging", "production"],
            "default": "staging",
        },
    ]
    assert "parameters" not in await api.put("/api/jobs/deploy", {"parameters": None})
    assert "parameters" not in await api.job("plain", parameters=[])


async def test_a_trigger_records_what_the_run_really_gets(api: Api) -> None:
    await api.job("deploy", parameters=PARAMETERS)
    started = await api.post("/api/jobs/deploy/trigger", {"params": {"version": "1.2.3"}})
    run = await api.get(f"/api/runs/{started['run_id']}")
    assert run["params"] == {"version": "1.2.3", "env": "staging"}


async def test_a_trigger_that_does_not_fit_is_refused_by_field(api: Api) -> None:
    await api.job("deploy", parameters=PARAMETERS)
    answer = await api.call("POST", "/api/jobs/deploy/trigger", {"params": {"env": "moon"}})
    assert answer.status == 400
    assert [one["field"] for one in answer.json["details"]] == ["params.version", "params.env"]
    assert (await api.get("/api/runs"))["data"] == []

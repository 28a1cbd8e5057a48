from tests.integration.api.conftest import Api


async def test_smoke(api: Api) -> None:
    job = await api.job()
    print(job)
    print(await api.post(f"/api/jobs/{job['id']}/trigger"))
    print(await api.get("/api/executions"))
    print(await api.get("/api/runs"))
    print(await api.get("/api/health"))
    print(await api.agent())
    print(await api.get("/api/agents"))
    print(
        await api.call("POST", "/api/jobs", {"name": 4, "task": {"type": "shell"}, "schedule": {"type": "x"}})
    )

"""Agents over HTTP: as people see them, and the calls that agents make."""

import asyncio
from typing import Any

import pytest
from tests.integration.api.conftest import Api, Serve, Worker, new_worker

from tocsin_shared.ids import new_id


async def test_agents_are_listed_by_name_and_read_by_id_or_name(api: Api, worker: Worker) -> None:
    await api.agent("another", agent_type="custom", hostname="h", address="10.0.0.1", port=22)
    agents = await api.get("/api/agents")
    assert [a["name"] for a in agents] == ["another", "worker"]
    assert (agents[0]["agent_type"], agents[0]["status"], agents[0]["task_types"]) == ("custom", "online", [])
    assert agents[1]["task_types"] == ["noop", "shell"]
    assert agents[0]["last_heartbeat"].endswith("Z")
    detail = await api.get("/api/agents/another")
    assert detail == {**agents[0], "running": []}
    assert (await api.get(f"/api/agents/{detail['id']}"))["name"] == "another"
    for ref in ("nobody", new_id()):
        assert (await api.call("GET", f"/api/agents/{ref}")).status == 404


async def test_an_agent_is_shown_with_what_it_has(api: Api, worker: Worker) -> None:
    job = await api.job("the job")
    await api.post(f"/api/jobs/{job['id']}/trigger")
    execution = await worker.take_one()
    (running,) = (await api.get("/api/agents/worker"))["running"]
    assert (running["execution_id"], running["job_name"], running["started"]) == (
        execution["execution_id"],
        "the job",
        False,
    )


async def test_a_removed_agent_is_gone(api: Api, worker: Worker) -> None:
    await api.delete("/api/agents/worker")
    assert (await api.call("DELETE", "/api/agents/worker")).status == 404
    assert (await api.as_role("agent").call("POST", f"/api/agents/{worker.id}/heartbeat", {})).status == 404


async def test_task_types_are_kept_for_third_party_agents(api: Api) -> None:
    agent = await api.agent("third", agent_type="custom")
    path = f"/api/agents/{agent['agent_id']}/task-types"
    types = [
        {"name": "greet", "description": "Hi", "fields": [{"name": "x", "label": "X", "field_type": "text"}]}
    ]
    assert await api.put(path, {"task_types": types}) == {"status": "ok"}
    assert await api.as_role("agent").get(path) == types
    assert await api.as_role("viewer").get(path) == types
    await api.put(path)
    assert await api.get(path) == []
    assert (await api.call("GET", f"/api/agents/{new_id()}/task-types")).status == 404


@pytest.mark.parametrize(
    ("task_type", "field"),
    [
        ({"nome": 1}, "task_types.0.name"),
        ({"name": ""}, "task_types.0.name"),
        ({"name": "x", "color": "red"}, "task_types.0.color"),
        ({"name": "x", "fields": [{"name": "n"}]}, "task_types.0.fields.0.field_type"),
        ({"name": "x", "fields": [{"name": "n", "field_type": "date"}]}, "task_types.0.fields.0.field_type"),
        ({"name": "x", "fields": [{"name": "n", "field_type": "select"}]}, "task_types.0.fields.0"),
        (
            {"name": "x", "fields": [{"name": "n", "field_type": "select", "options": [{"value": "a"}]}]},
            "task_types.0.fields.0.options.0.label",
        ),
        ({"name": "x", "fields": [{"name": "n", "field_type": "text", "options": []}]}, "task_types.0.fields.0"),
        ({"name": "x", "fields": [{"name": "n", "field_type": "text"}] * 2}, "task_types.0"),
    ],
)  # fmt: skip
async def test_a_task_type_that_makes_no_form_is_refused_with_its_place(
    api: Api, task_type: dict[str, Any], field: str
) -> None:
    agent = await api.agent("third", agent_type="custom")
    path = f"/api/agents/{agent['agent_id']}/task-types"
    refused = await api.call("PUT", path, {"task_types": [task_type]})
    assert refused.status == 400
    assert refused.json["details"][0]["field"].startswith(field)
    assert await api.get(path) == []


async def test_what_an_agent_says_it_can_do_counts_until_people_say_it(api: Api) -> None:
    own = {"name": "greet", "fields": [{"name": "whom", "field_type": "text"}]}
    unreadable = {"name": "dance", "fields": [{"name": "step", "field_type": "hologram"}]}
    agent = await api.agent("third", agent_type="custom", task_types=[own, unreadable, "shell"])
    path = f"/api/agents/{agent['agent_id']}/task-types"
    assert await api.get(path) == [own]
    ours = [{"name": "greet", "description": "Says hello"}]
    await api.put(path, {"task_types": ours})
    await api.agent("third", agent_type="custom", custom_task_types=[own])
    assert await api.get(path) == ours
    await api.put(path, {"task_types": []})
    assert await api.get(path) == [own]


async def test_a_simple_agent_needs_four_calls(serve: Serve) -> None:
    async with serve() as served:
        api, agent = served.api, served.api.as_role("agent")
        registered = await agent.post(
            "/api/agents/register",
            {"name": "simple", "tags": [], "hostname": "", "address": "", "port": 0, "agent_type": "custom"},
        )
        assert registered["heartbeat_interval_secs"] == 10
        queue = f"/api/agent-queue/{registered['agent_id']}/next"
        assert (await agent.call("GET", queue)).status == 204
        job = await api.job(task={"type": "custom", "agent_task_type": "greet", "data": {"whom": "x"}})
        waiting = asyncio.create_task(agent.call("GET", f"{queue}?wait=10"))
        await asyncio.sleep(0.05)
        await api.post(f"/api/jobs/{job['id']}/trigger")
        answer = await waiting
        item = answer.json
        assert answer.status == 200
        assert item["callback_url"] == f"{api.url}/api/callbacks/execution-result"
        assert item["task"]["data"] == {"whom": "x"}
        result = {
            "execution_id": item["execution_id"],
            "job_id": item["job_id"],
            "agent_id": item["agent_id"],
            "status": "success",
            "exit_code": 0,
            "stdout": "hi \x00 there\n",
            "stderr": "",
            "stdout_truncated": False,
            "stderr_truncated": False,
            "started_at": "2026-01-01T00:00:00Z",
            "finished_at": "2026-01-01T00:00:01Z",
        }
        assert await agent.post("/api/callbacks/execution-result", result) == {"status": "ok"}
        assert await agent.post("/api/callbacks/execution-result", result) == {"status": "ok"}
        shown = await api.get(f"/api/executions/{item['execution_id']}")
        assert (shown["status"], shown["stdout"]) == ("succeeded", "hi \x00 there\n")
        heartbeat = {"agent_id": registered["agent_id"], "running_executions": []}
        answer = await agent.post(f"/api/agents/{registered['agent_id']}/heartbeat", heartbeat)
        assert answer["status"] == "ok"


async def test_callbacks_go_to_the_public_address_when_there_is_one(serve: Serve) -> None:
    async with serve(public_url="https://tocsin.example/base/") as served:
        agent = served.api.as_role("agent")
        registered = await served.api.agent("simple")
        job = await served.api.job()
        await served.api.post(f"/api/jobs/{job['id']}/trigger")
        item = (await agent.call("GET", f"/api/agent-queue/{registered['agent_id']}/next?wait=5")).json
        assert item["callback_url"] == "https://tocsin.example/base/api/callbacks/execution-result"


async def test_an_agent_speaks_for_itself_only(api: Api) -> None:
    """Not even that another agent exists is told."""
    secret = "tsk_made-by-the-agent"
    one = await api.agent("one", protocol=1, incarnation=str(new_id()), credential_sha256=_sha256(secret))
    other = await api.agent(
        "other", protocol=1, incarnation=str(new_id()), credential_sha256=_sha256("tsk_o")
    )
    as_one = api.with_key(secret)
    poll = {"incarnation": str(new_id()), "seq": 1, "slots": 0, "wait_secs": 0}
    for agent_id, expected in ((one["agent_id"], {200, 204, 409}), (other["agent_id"], {404})):
        for method, path, body in (
            ("POST", f"/api/agents/{agent_id}/heartbeat", {}),
            ("POST", f"/api/agents/{agent_id}/events", {"events": []}),
            ("GET", f"/api/agent-queue/{agent_id}/next", None),
            ("POST", f"/api/agent-queue/{agent_id}/next", poll),
        ):
            assert (await as_one.call(method, path, body)).status in expected
    shared = api.as_role("agent")  # the key it registered with no longer speaks for it
    assert (await shared.call("POST", f"/api/agents/{one['agent_id']}/heartbeat", {})).status == 404


async def test_a_result_for_somebody_elses_execution_is_not_found(api: Api, worker: Worker) -> None:
    job = await api.job()
    await api.post(f"/api/jobs/{job['id']}/trigger")
    execution = await worker.take_one()
    key = (await api.post("/api/keys", {"name": "intruder", "role": "agent"}))["raw_key"]
    result = {"execution_id": execution["execution_id"], "status": "succeeded"}
    answer = await api.with_key(key).call("POST", "/api/callbacks/execution-result", result)
    assert answer.status == 404
    assert (await api.get(f"/api/executions/{execution['execution_id']}"))["status"] == "pending"


STARTED = {"type": "started", "execution_id": str(new_id()), "fence": 1, "seq": 1}

NONSENSE: list[tuple[str, Any]] = [
    ("/api/agents/register", {"name": "x", "capacity": 10**30}),
    ("/api/agents/register", {"name": "x", "protocol": 10**30}),
    ("/api/agents/register", {"name": "x", "system_info": {"a": "\x00"}}),
    ("/api/agents/register", {"name": "x\x00"}),
    ("/api/agents/register", {"name": "x", "tags": ["a b"]}),
    ("/api/agents/register", []),
    ("/api/agents/{id}/heartbeat", {"running": [{"execution_id": str(new_id()), "fence": 2**63}]}),
    ("/api/agents/{id}/heartbeat", {"running": [{"execution_id": str(new_id()), "fence": -(2**70)}]}),
    ("/api/agents/{id}/heartbeat", {"load": {"a\x00": 1}}),
    ("/api/agents/{id}/heartbeat", {"load": {"a": "x"}}),
    ("/api/agent-queue/{id}/next", {"incarnation": str(new_id()), "seq": 2**64, "slots": 1}),
    ("/api/agent-queue/{id}/next", {"incarnation": str(new_id()), "seq": 0, "slots": 1}),
    ("/api/agent-queue/{id}/next", {"incarnation": "x", "seq": 1, "slots": 1}),
    ("/api/agents/{id}/events", {"events": [{**STARTED, "fence": 2**63}]}),
    ("/api/agents/{id}/events", {"events": [{**STARTED, "seq": 2**31}]}),
    ("/api/agents/{id}/events", {"events": [{"type": "nonsense"}]}),
    ("/api/callbacks/execution-result", {"execution_id": "x", "status": "succeeded"}),
    ("/api/callbacks/execution-result", {"execution_id": str(new_id()), "status": "running"}),
    ("/api/callbacks/execution-result", {"execution_id": str(new_id()), "status": "ok", "exit_code": 2**40}),
]  # fmt: skip


async def test_nonsense_from_an_agent_is_refused_and_spoils_nothing(api: Api, worker: Worker) -> None:
    wrong = []
    for path, body in NONSENSE:
        answer = await worker.api.call("POST", path.replace("{id}", worker.id), body)
        if answer.status != 400:
            wrong.append((path, body, answer.status, answer.body))
    assert wrong == []
    beat = {"incarnation": worker.incarnation, "running": [], "load": {"one": 0.5}}
    assert (await worker.api.post(f"/api/agents/{worker.id}/heartbeat", beat))["status"] == "ok"


async def test_a_message_with_a_nul_is_kept_without_it(api: Api, worker: Worker) -> None:
    job = await api.job()
    await api.post(f"/api/jobs/{job['id']}/trigger")
    execution = await worker.take_one()
    await worker.finish(execution, "failed", message="odd\x00message")
    shown = await api.get(f"/api/executions/{execution['execution_id']}")
    assert shown["message"] == "odd\ufffdmessage"


@pytest.mark.parametrize("wait", ["-1", "0", "1e9", "0.01"])
async def test_any_number_is_a_wait(api: Api, wait: str) -> None:
    agent = await api.agent()
    job = await api.job()
    await api.post(f"/api/jobs/{job['id']}/trigger")
    answer = await api.as_role("agent").call("GET", f"/api/agent-queue/{agent['agent_id']}/next?wait={wait}")
    assert answer.status in (200, 204)
    for odd in ("x", "nan", "inf"):
        answer = await api.as_role("agent").call(
            "GET", f"/api/agent-queue/{agent['agent_id']}/next?wait={odd}"
        )
        assert answer.status == 400


async def test_a_newer_process_supersedes_the_older(api: Api) -> None:
    old = await new_worker(api)
    await new_worker(api)
    answer = await old.api.call(
        "POST", f"/api/agents/{old.id}/heartbeat", {"incarnation": old.incarnation, "running": []}
    )
    assert (answer.status, answer.json["code"]) == (409, "superseded")


def _sha256(raw: str) -> str:
    import hashlib

    return hashlib.sha256(raw.encode()).hexdigest()

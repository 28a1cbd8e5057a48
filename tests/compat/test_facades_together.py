"""One job through several APIs at once: none undoes what another keeps of it, and none answers nonsense with a 500."""

import asyncio
import json
from typing import Any

import pytest
from tests.compat.conftest import Controller

KRAFTER, CHRONOS = "/api/v1/cron/jobs", "/api/v1/jobs"
#: A lone half of a character that takes two: JSON can say it, UTF-8 can't.
LONE = "\ud800"
#: JSON that can't be kept, or not be shown again.
ODD = (
    '{"a":123456789012345678901234567890}', '{"a":NaN}', '{"a":[1e999]}',
    '{"a":"\\ud800"}', '{"a":"\\u0000"}', '{"a":' * 300 + "1" + "}" * 300,
)  # fmt: skip


def webhook(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "schedule": "@daily",
        "webhook": {"url": "http://127.0.0.1:9/", "method": "POST", **more},
    }


async def test_changes_at_the_same_time_keep_each_others_parts(controller: Controller) -> None:
    dkron = {
        "name": "shared", "schedule": "@every 1h", "executor": "http",
        "executor_config": {"method": "GET", "url": "http://127.0.0.1:9/"},
    }  # fmt: skip
    await controller.call("POST", "/v1/jobs", dkron)
    owners = [f"owner-{n}" for n in range(6)]
    async with asyncio.TaskGroup() as group:
        for n, owner in enumerate(owners):
            group.create_task(controller.call("POST", "/v1/jobs", dkron | {"owner": owner}))
            group.create_task(controller.call("PATCH", f"{KRAFTER}/shared", {"timeout_ms": 1_500 + n}))
    shown = await controller.call("GET", "/v1/jobs/shared")
    assert shown["owner"] in owners, (
        "changes through Krafter's API have not brought back what was there before"
    )
    assert (shown["schedule"], shown["next"] > "2") == ("@every 1h", True)
    krafter = (await controller.call("GET", f"{KRAFTER}/shared"))["data"]
    assert krafter["timeout_ms"] % 1_000 in range(500, 506)
    before = krafter["next_run_at"]
    sent = {"schedule_type": "interval", "schedule": "every_60m", "failure_notify": True}
    changed = (await controller.call("PUT", f"{KRAFTER}/shared", sent))["data"]
    assert (changed["next_run_at"], changed["failure_notify"]) == (before, True), "the same interval goes on"


async def test_chronos_keeps_of_a_task_what_its_clients_do_not_see(controller: Controller) -> None:
    config = {"method": "POST", "url": "http://127.0.0.1:9/"}
    job = {"name": "any", "schedule": "@every 1h", "executor": "http", "executor_config": config}
    await controller.call("POST", "/v1/jobs", job)
    await controller.call("PUT", f"{CHRONOS}/any", webhook("any"))
    task = (await controller.call("GET", "/api/jobs/any"))["task"]
    assert (task["method"], task["expect_status"]) == ("post", "any")
    shown = (await controller.call("PUT", f"{CHRONOS}/any", webhook("any", success_codes=[204])))["data"]
    assert shown["webhook"]["success_codes"] == [204]
    assert (await controller.call("GET", "/v1/jobs/any"))["executor_config"]["expectCode"] == "204"


async def test_dkron_keeps_of_a_job_what_its_clients_do_not_see(controller: Controller) -> None:
    vendor = {"name": "vendor", "conn_type": "http", "config": {"base_url": "http://127.0.0.1:9"}}
    await controller.call("POST", "/api/connections", vendor)
    task = {"type": "http", "method": "post", "url": "/ping", "connection": "vendor", "body": "a"}
    rules = {
        "extractions": [{"name": "n", "pattern": "n=([0-9]+)"}], "triggers": [{"pattern": "warn"}],
        "assertions": [{"pattern": "done"}], "sinks": [{"type": "log"}],
    }  # fmt: skip
    await controller.call(
        "POST",
        "/api/jobs",
        {
            "name": "any", "task": task, "schedule": {"type": "on_demand"}, "output_rules": rules,
            "timeout_secs": 300, "retry_max": 1, "retry_delay_secs": 60,
        },
    )  # fmt: skip
    before = await controller.call("GET", "/api/jobs/any")

    async def changed(**more: str | None) -> dict[str, Any]:
        shown = await controller.call("GET", "/v1/jobs/any")
        config = {key: one for key, one in (shown["executor_config"] | more).items() if one is not None}
        await controller.call("POST", "/v1/jobs", shown | {"executor_config": config, "retries": 2})
        assert (await controller.call("GET", "/v1/jobs/any"))["executor_config"] == config
        return dict(await controller.call("GET", "/api/jobs/any"))

    one = await changed(body="b", expectCode="204")
    assert one["task"] == before["task"] | {"body": "b", "expect_statuses": [204]}
    assert [one[key] for key in ("timeout_secs", "output_rules", "retry_delay_secs")] == [
        before[key] for key in ("timeout_secs", "output_rules", "retry_delay_secs")
    ]
    assert (await changed(timeout="30"))["timeout_secs"] == 30, "as it would be without a word"
    one = await changed(expectBody="ok", timeout="10", body=None)
    assert [a["pattern"] for a in one["output_rules"]["assertions"]] == ["done", "ok"]
    assert (one["task"].get("body"), one["task"]["connection"], one["timeout_secs"]) == (None, "vendor", 10)
    one = await changed(expectBody=None)
    assert one["output_rules"] == before["output_rules"]
    shown = await controller.call("GET", "/v1/jobs/any")
    await controller.call("POST", "/v1/jobs", shown | {"processors": {"syslog": {"forward": "true"}}})
    now = (await controller.call("GET", "/api/jobs/any"))["output_rules"]
    assert [sink["type"] for sink in now["sinks"]] == ["syslog"]
    assert now | {"sinks": []} == before["output_rules"] | {"sinks": []}
    shell = {"executor": "shell", "executor_config": {"command": "true"}}
    await controller.call("POST", "/v1/jobs", shown | shell)
    one = await controller.call("GET", "/api/jobs/any")
    assert (one["task"]["type"], "connection" in one["task"]) == ("shell", False)
    limits = {"memory_max_bytes": 2**30, "cpu_max": 0.5, "pids_max": 10}
    await controller.call("PUT", "/api/jobs/any", {"limits": limits})
    assert (await changed(command="false"))["limits"] == limits
    assert (await changed(mem_limit="2MB"))["limits"] == limits | {"memory_max_bytes": 2 * 1024**2}


async def test_dkron_changes_one_setting_of_a_task_with_a_connection(controller: Controller) -> None:
    here = "127.0.0.1:9"
    for task, config, sent, becomes in (
        (
            {"type": "kafka", "topic": "t", "message": "a", "properties": "acks=all"},
            {"broker": here}, {"message": "b"}, {"message": "b"},
        ),
        (
            {"type": "nats", "subject": "s", "message": "a", "jetstream": True},
            {"url": f"nats://{here}"}, {"message": "b"}, {"message": "b"},
        ),
        (
            {"type": "rabbitmq", "exchange": "", "routing_key": "q", "message": "a"},
            {"url": f"amqp://{here}"}, {"message.body": "b"}, {"message": "b"},
        ),
        (
            {"type": "grpc", "method": "a.B/C", "body": {"a": 1}, "tls": True},
            {"host": here}, {"url": "/a.B/D"}, {"method": "a.B/D"},
        ),
        ({"type": "http", "method": "get", "url": ""}, {"base_url": f"http://{here}"}, {"body": "b"}, {"body": "b"}),
    ):  # fmt: skip
        kind = str(task["type"])
        connection = {"name": f"to-{kind}", "conn_type": kind, "config": config}
        await controller.call("POST", "/api/connections", connection)
        job = {"name": kind, "task": {**task, "connection": f"to-{kind}"}, "schedule": {"type": "on_demand"}}
        await controller.call("POST", "/api/jobs", job)
        before = (await controller.call("GET", f"/api/jobs/{kind}"))["task"]
        shown = await controller.call("GET", f"/v1/jobs/{kind}")
        changed = {"executor_config": shown["executor_config"] | sent}
        await controller.call("POST", "/v1/jobs", shown | changed)
        assert (await controller.call("GET", f"/api/jobs/{kind}"))["task"] == before | becomes


async def test_what_was_printed_bit_by_bit_is_shown_whole_by_all(local_controller: Controller) -> None:
    config = {"command": "for i in $(seq 12); do echo $i; sleep 0.03; done", "shell": "true"}
    job = {"name": "slow", "schedule": "@manually", "tags": {"server": "true"}, "executor": "shell"}
    await local_controller.call("POST", "/v1/jobs", job | {"executor_config": config})
    await local_controller.call("POST", "/v1/jobs/slow")
    whole = "".join(f"{n}\n" for n in range(1, 13))
    (execution,) = await local_controller.call("GET", "/v1/jobs/slow/executions?output_size_limit=1000")
    assert (execution["output"], execution["output_truncated"]) == (whole, False)
    (one,) = (await local_controller.call("GET", "/api/executions"))["data"]
    assert one["stdout"] == whole
    call = {"name": "get_execution", "arguments": {"id": one["id"]}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    headers = {"Accept": "application/json, text/event-stream"}
    async with local_controller.http.post(
        f"{local_controller.url}/mcp", json=message, headers=headers
    ) as answer:
        said = json.loads((await answer.text()).partition("data: ")[2])["result"]["content"][0]["text"]
    assert json.loads(said)["stdout"] == whole


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", CHRONOS, webhook("long") | {"schedule": "@every 99999999999h"}),
        (
            "POST",
            KRAFTER,
            {"name": "x", "schedule_type": "interval", "schedule": "every_999999d", "url": "http://x/"},
        ),
        ("POST", "/v1/acl/policies/x", {"path": {LONE: ["read"]}}),
        ("POST", "/v1/acl/policies/x", {"Rules": '{"path":{"\\ud800":["read"]}}'}),
    ],
)
async def test_what_can_not_be_is_refused(
    controller: Controller, method: str, path: str, body: dict[str, Any]
) -> None:
    async with controller.http.request(method, controller.url + path, json=body) as answer:
        assert answer.status in (400, 422), (answer.status, await answer.text())


async def test_a_job_of_dkron_with_a_body_that_can_not_be_kept_fails_and_says_why(
    controller: Controller,
) -> None:
    headers = {"Accept": "application/json, text/event-stream"}
    for body in ODD:
        config = {"url": "127.0.0.1:9/a.B/C", "body": body}
        job = {"name": "odd", "schedule": "@manually", "executor": "grpc", "executor_config": config}
        assert (await controller.call("POST", "/v1/jobs", job))["executor_config"] == config
        task = (await controller.call("GET", "/api/jobs/odd"))["task"]
        assert (task["type"], task["exit_code"], task["output"][:6]) == ("noop", 1, "grpc: ")
        grpc = f'{{"type":"grpc","host":"127.0.0.1:9","method":"a.B/C","body":{body}}}'
        ours = f'{{"name":"ours","schedule":{{"type":"on_demand"}},"task":{grpc}}}'
        params = f'{{"name":"create_job","arguments":{ours}}}'
        call = f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}'
        for path, data in (("/api/jobs", ours), ("/mcp", call)):
            async with controller.http.post(controller.url + path, data=data, headers=headers) as answer:
                assert answer.status == 400, (path, await answer.text())

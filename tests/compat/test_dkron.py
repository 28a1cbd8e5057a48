"""Clients of Dkron work unchanged: its routes, its keys in its order, its plain errors."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.compat.conftest import ADMIN, PATIENCE_SECS, Controller, a_controller

from tocsin_controller.api.metrics import CONTENT_TYPE, exposition
from tocsin_controller.compat.dkron.metrics import JobCounts
from tocsin_controller.compat.dkron.values import KEYS
from tocsin_controller.store.database import Database
from tocsin_shared.dkron.instants import parse_instant

ZERO = "0001-01-01T00:00:00Z"
HERE = {"server": "true"}


class Dkron:
    """A client that knows nothing of Tocsin."""

    def __init__(self, url: str, http: aiohttp.ClientSession, headers: dict[str, str]) -> None:
        self.url = f"{url}/v1"
        self.http = http
        self.headers = headers

    async def ask(
        self, method: str, path: str, body: Any = None, **more: Any
    ) -> tuple[int, str, aiohttp.ClientResponse]:
        """Status, body and the answer itself; bodies are sent with a content type that means nothing."""
        data = body if isinstance(body, bytes | aiohttp.FormData | None) else json.dumps(body).encode()
        headers = {**self.headers, **more.pop("headers", {})}
        if isinstance(data, bytes):
            headers["Content-Type"] = "encoding/json"
        async with self.http.request(method, self.url + path, data=data, headers=headers, **more) as answer:
            text = await answer.text()
            if answer.headers.get("Content-Type", "").startswith("application/json"):
                assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
            assert answer.headers["X-Whom"]
            return answer.status, text, answer

    async def call(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """What a call that must succeed answers."""
        found, text, _ = await self.ask(method, path, body)
        assert found == status, (path, found, text)
        return json.loads(text)

    async def save(self, **job: Any) -> Any:
        """Save a job that runs on the controller."""
        return await self.call(
            "POST", "/jobs", {"schedule": "@manually", "tags": HERE, **shell("true"), **job}, status=201
        )


def shell(command: str) -> dict[str, Any]:
    return {"executor": "shell", "executor_config": {"command": command, "shell": "true"}}


@pytest.fixture
async def dkron(local_controller: Controller) -> AsyncIterator[Dkron]:
    async with aiohttp.ClientSession() as http:
        yield Dkron(local_controller.url, http, {"X-Dkron-Token": ADMIN})


async def test_a_job_is_saved_shown_replaced_switched_and_deleted(
    dkron: Dkron, local_controller: Controller
) -> None:
    sent = {
        "NAME": "job1", "displayname": "Job & one", "schedule": "@every 1h", "owner": "ann", "tags": HERE,
        "metadata": {"team": "a"}, "retries": 2, "processors": {"log": {"forward": "true"}}, "concurrency": "forbid",
        **shell("echo hi"),
    }  # fmt: skip
    raw = json.dumps(sent).encode() + b"\ntrailing garbage"
    status, text, answer = await dkron.ask("POST", "/jobs?x=1", raw)
    assert (status, answer.headers["Location"]) == (201, "/v1/jobs?x=1/job1")
    echoed = json.loads(text)
    assert list(echoed) == list(KEYS)
    assert (echoed["id"], echoed["next"], echoed["last_success"]) == ("job1", ZERO, None)
    shown = await dkron.call("GET", "/jobs/job1")
    assert list(shown) == list(KEYS)
    assert shown["next"] != ZERO
    assert {**shown, "next": ZERO} == echoed, "what was sent is shown as it was sent"
    ours = await local_controller.call("GET", "/api/jobs/job1")
    assert (ours["schedule"]["value"], ours["retry_max"], ours["max_concurrent"]) == (
        {"interval_secs": 3600},
        2,
        1,
    )
    status, text, _ = await dkron.ask("GET", "/jobs/job1?pretty")
    assert text.startswith('{\n    "id": "job1",\n')

    await dkron.call(
        "PUT", "/jobs/anything", {"name": "job1", "schedule": "@every 1h", **shell("echo hi")}, status=201
    )
    replaced = await dkron.call("GET", "/jobs/job1")
    assert (replaced["owner"], replaced["tags"], replaced["retries"], replaced["processors"]) == (
        "",
        None,
        0,
        {},
    )
    assert replaced["next"] == shown["next"], "the schedule was not changed"
    toggled = await dkron.call("POST", "/jobs/job1/toggle")
    assert (toggled["disabled"], toggled["next"]) == (True, ZERO)
    assert (await dkron.ask("POST", "/jobs/job1/run"))[:2] == (404, ""), "a disabled job is not run by hand"
    assert (await dkron.call("POST", "/jobs/job1/toggle"))["disabled"] is False
    deleted = await dkron.call("DELETE", "/jobs/job1")
    assert deleted["name"] == "job1"
    assert (await dkron.ask("GET", "/jobs"))[1] == "[]"


async def test_what_breaks_a_rule_is_refused_in_plain_text_and_in_order(dkron: Dkron) -> None:
    for sent, told in (
        ({"name": "", "schedule": "x"}, "name cannot be empty"),
        ({"name": "Job", "schedule": "x"}, "illegal character 'J'"),
        ({"name": "a.b", "schedule": "x"}, "illegal character '.'"),
        ({"name": "a", "parent_job": "a"}, "the job can not have itself as parent"),
        ({"name": "a"}, "can't parse job schedule"),
        ({"name": "a", "schedule": "* * * * *"}, "can't parse job schedule"),
        ({"name": "a", "schedule": "@daily", "concurrency": "often"}, "concurrency"),
        ({"name": "a", "schedule": "@daily", "timezone": "Mars/Olympus"}, "unknown time zone"),
        (
            {"name": "a", "schedule": "@daily", "executor": "shell", "executor_config": {"timeout": "soon"}},
            "timeout",
        ),
        (
            {"name": "a", "schedule": "@daily", "executor": "shell", "executor_config": {"mem_limit": "x"}},
            "memory",
        ),
        ({"name": "a", "tags": {"x": 1}}, "tags"),
    ):
        status, text, answer = await dkron.ask("POST", "/jobs", sent)
        assert (status, answer.content_type) == (400, "text/plain"), (sent, text)
        assert told in text
    assert (await dkron.ask("POST", "/jobs", b""))[0] == 400
    assert (await dkron.ask("POST", "/jobs", b"null"))[0] == 400
    orphan = {"name": "a", "parent_job": "none"}
    assert (await dkron.ask("POST", "/jobs", orphan))[:2] == (404, "specified parent job not found")
    for method, path in (
        ("GET", "/jobs/none"),
        ("DELETE", "/jobs/none"),
        ("POST", "/jobs/none/run"),
        ("POST", "/jobs/none/toggle"),
        ("DELETE", "/jobs/none/executions"),
    ):
        assert (await dkron.ask(method, path))[:2] == (404, ""), path
    for method, path in (("GET", "/nothing"), ("PATCH", "/jobs/a"), ("GET", "/leave"), ("GET", "/backup")):
        assert (await dkron.ask(method, path))[:2] == (404, "404 page not found"), path
    assert (await dkron.ask("GET", "/jobs"))[1] == "[]", "nothing was stored"


async def test_lists_are_filtered_sorted_cut_and_counted(dkron: Dkron) -> None:
    for number, name in enumerate(("b", "c", "a")):
        more = {"metadata": {"n": str(number)}} if number else {}
        await dkron.save(name=name, displayname=f"D{number}", disabled=name == "c", **more)

    async def names(query: str) -> tuple[list[str], str]:
        status, text, answer = await dkron.ask("GET", f"/jobs?{query}")
        assert status == 200
        return [job["name"] for job in json.loads(text)], answer.headers["X-Total-Count"]

    assert await names("") == (["a", "b", "c"], "3")
    assert await names("_sort=displayname&_order=DESC&_start=1&_end=9") == (["c", "b"], "3")
    assert await names("_start=7&_end=2") == ([], "3")
    assert await names("_sort=colour&_start=x") == (["a", "b", "c"], "3")
    assert await names("q=D1") == (["c"], "1")
    assert await names("metadata[n]=2") == (["a"], "1")
    assert await names("metadata[n]=2&metadata[m]=1") == ([], "0")
    assert await names("disabled=true") == (["c"], "1")
    assert await names("disabled=perhaps") == ([], "0")
    assert await names("status=untriggered&_end=2") == (["a", "b"], "3")
    status, _, answer = await dkron.ask("GET", "/jobs/?q=D1", allow_redirects=False)
    assert (status, answer.headers["Location"]) == (301, "/v1/jobs?q=D1")
    assert (await dkron.ask("POST", "/jobs/a/run/", allow_redirects=False))[0] == 307
    assert (await dkron.ask("GET", ""))[0] == (await dkron.ask("GET", "/"))[0] == 200


async def test_a_run_answers_when_it_and_what_follows_have_ended(dkron: Dkron) -> None:
    await dkron.save(name="parent", **shell("echo out; echo err >&2; sleep 0.3"))
    await dkron.save(name="child", schedule="", parent_job="parent", **shell("exit 3"), retries=1)
    await dkron.save(name="grandchild", schedule="", parent_job="child")
    started = await dkron.call("POST", "/jobs/parent")
    assert (started["success_count"], started["status"], started["dependent_jobs"]) == (0, "", ["child"])
    (one,) = await dkron.call("GET", "/jobs/parent/executions")
    keys = "id job_name started_at finished_at success output node_name group attempt"
    assert list(one) == keys.split()
    assert (one["output"], one["success"], one["attempt"]) == ("out\nerr\n", True, 1)
    assert parse_instant(one["finished_at"]) > parse_instant(one["started_at"])
    assert await dkron.call("GET", f"/jobs/parent/executions/{one['id']}") == one
    second, first = await dkron.call("GET", "/jobs/child/executions")
    assert (first["attempt"], second["attempt"], first["group"]) == (1, 2, second["group"])
    assert "exit code 3" in second["output"]
    assert (await dkron.ask("GET", "/jobs/grandchild/executions"))[1] == "[]", "its parent failed"
    parent, child = await dkron.call("GET", "/jobs/parent"), await dkron.call("GET", "/jobs/child")
    assert (parent["status"], parent["success_count"], parent["last_error"]) == ("success", 1, None)
    assert (child["status"], child["error_count"], child["parent_job"]) == ("failed", 2, "parent")
    assert (await dkron.ask("DELETE", "/jobs/parent"))[:2] == (404, ""), "it has children"
    (cut,) = await dkron.call("GET", "/jobs/parent/executions?output_size_limit=4")
    assert (cut["output"], cut["output_truncated"]) == ("err\n", True)
    emptied = await dkron.call("DELETE", "/jobs/child/executions")
    assert (emptied["error_count"], emptied["last_error"], emptied["status"]) == (0, None, "failed")
    assert (await dkron.ask("GET", "/jobs/child/executions"))[1] == "[]"
    pushed = await dkron.save(name="parent", success_count=7)
    assert pushed["success_count"] == 7
    assert (await dkron.call("GET", "/jobs/parent"))["success_count"] == 7
    await dkron.call("POST", "/jobs/parent/run")
    assert (await dkron.call("GET", "/jobs/parent"))["success_count"] == 8
    assert (await dkron.call("GET", "/stats?days=2"))["stats"][1]["success_count"] >= 2


async def test_a_running_execution_is_busy_and_has_no_end(dkron: Dkron) -> None:
    await dkron.save(name="elsewhere", tags={"role": "web:1"})
    assert (await dkron.ask("POST", "/jobs/elsewhere"))[:2] == (404, ""), "no host has the tag"
    slow = {"name": "slow", "schedule": "@manually", "tags": HERE, **shell("sleep 60")}
    await dkron.call("POST", "/jobs?runoncreate", slow, status=201)
    async with asyncio.timeout(PATIENCE_SECS):
        while not (busy := await dkron.call("GET", "/busy")):
            await asyncio.sleep(0.05)
    assert (busy[0]["job_name"], busy[0]["finished_at"], busy[0]["success"]) == ("slow", ZERO, False)


async def test_pausing_stops_changes_alone(dkron: Dkron) -> None:
    await dkron.save(name="a")
    assert (await dkron.ask("POST", "/pause"))[1] == '{"paused":true}'
    status, text, _ = await dkron.ask("POST", "/jobs", b"not even json")
    assert (status, "paused" in text) == (503, True)
    assert (
        (await dkron.ask("POST", "/jobs/a/toggle"))[0]
        == (await dkron.ask("POST", "/jobs/a/toggle"))[0]
        == 200
    )
    assert (await dkron.ask("POST", "/jobs/a"))[0] == 200
    assert (
        (await dkron.ask("POST", "/unpause"))[1]
        == (await dkron.ask("GET", "/pause"))[1]
        == '{"paused":false}'
    )
    await dkron.save(name="b")


async def test_a_list_of_jobs_is_restored_once_each(dkron: Dkron) -> None:
    await dkron.save(name="p", success_count=4)
    await dkron.save(name="k", schedule="", parent_job="p")
    dump = (await dkron.ask("GET", "/jobs"))[1]
    for name in ("k", "p"):
        await dkron.call("DELETE", f"/jobs/{name}")

    status, text, _ = await dkron.ask("POST", "/restore", form(dump))
    assert (status, json.loads(json.loads(text))) == (200, ["success create p", "success create k"])
    parent = await dkron.call("GET", "/jobs/p")
    assert (parent["dependent_jobs"], parent["success_count"]) == (["k"], 4)
    assert (await dkron.ask("POST", "/restore", form(dump, "other")))[:2] == (404, "")
    for bad in ("{", '[{"name":"x","parent_job":"y"}]', '[{"name":"X","schedule":"@daily"}]'):
        assert (await dkron.ask("POST", "/restore", form(bad)))[:2] == (400, "")
    form_like = b'--x\r\nContent-Disposition: form-data; name="\x13"\r\n\r\n[]\r\n--x--\r\n'
    await not_a_form(dkron, form_like)
    await not_a_form(dkron, b"--y\r\n")


def form(text: str, field: str = "file") -> aiohttp.FormData:
    data = aiohttp.FormData()
    data.add_field(field, text, filename="backup.json")
    return data


async def not_a_form(dkron: Dkron, body: bytes) -> None:
    data = aiohttp.BytesPayload(body, content_type="multipart/form-data; boundary=x")
    async with dkron.http.post(f"{dkron.url}/restore", data=data, headers=dkron.headers) as answer:
        assert answer.status == 400, await answer.text()


async def test_jobs_of_any_api_are_seen_and_sent_back_without_harm(
    dkron: Dkron, local_controller: Controller
) -> None:
    sent = {
        "name": "Nightly Report", "timezone": "Europe/Rome",
        "task": {"type": "noop", "output": "hi", "sleep_secs": 0, "exit_code": 0},
        "schedule": {"type": "cron", "value": "30 2 * * *"},
    }  # fmt: skip
    await local_controller.call("POST", "/api/jobs", sent)
    shown = await dkron.call("GET", "/jobs/Nightly%20Report")
    assert (shown["schedule"], shown["timezone"], shown["executor"]) == (
        "0 30 2 * * *",
        "Europe/Rome",
        "noop",
    )
    await dkron.call("POST", "/jobs/Nightly%20Report/run")
    assert (await dkron.call("GET", "/jobs/Nightly%20Report"))["success_count"] == 1
    await local_controller.call("POST", "/api/jobs", {**sent, "name": "report"})
    shown = await dkron.call("GET", "/jobs/report")
    await dkron.call("POST", "/jobs", {**shown, "owner": "ann"}, status=201)
    ours = await local_controller.call("GET", "/api/jobs/report")
    assert (ours["task"], ours["schedule"]) == (sent["task"], sent["schedule"])
    assert await dkron.call("GET", "/jobs/report") == {**shown, "owner": "ann"}
    await local_controller.call("PUT", "/api/jobs/report", {"schedule": {"type": "on_demand"}})
    assert (await dkron.call("GET", "/jobs/report"))["schedule"] == "@manually"


async def test_controllers_and_agents_are_members(dkron: Dkron) -> None:
    status = await dkron.call("GET", "/")
    assert list(status) == ["agent", "serf", "tags"]
    assert all(isinstance(value, str) for part in status.values() for value in part.values())
    (member,) = await dkron.call("GET", "/members")
    assert (member["Name"], member["statusText"], member["Tags"]["role"]) == (
        status["agent"]["name"],
        "alive",
        "dkron",
    )
    leader = await dkron.call("GET", "/leader")
    assert leader == {key: value for key, value in member.items() if key not in ("id", "statusText")}
    assert await dkron.call("GET", "/isleader") == "I am a leader"
    assert (await dkron.ask("POST", "/leave"))[0] == 403


async def test_strangers_come_in_only_where_that_was_chosen(
    database: Database, database_url: str, tmp_path: Path, dkron: Dkron
) -> None:
    async with aiohttp.ClientSession() as http:
        base = dkron.url.removesuffix("/v1")
        assert (await Dkron(base, http, {}).ask("GET", "/jobs"))[0] == 401
        assert (await Dkron(base, http, {"Authorization": f"Bearer {ADMIN}"}).ask("GET", "/jobs"))[0] == 200
        more = {"state_dir": str(tmp_path / "open"), "dkron_open": True}
        async with a_controller(database, database_url=database_url, **more) as opened:
            stranger = Dkron(opened.url, http, {})
            await stranger.save(name="a")
            for elsewhere in ("https://evil.example", "http://["):
                assert (await stranger.ask("POST", "/jobs/a", headers={"Origin": elsewhere}))[0] == 403
            async with http.get(f"{opened.url}/api/jobs") as answer:
                assert answer.status == 401


async def test_a_policy_restricts_the_keys_of_its_name(dkron: Dkron, local_controller: Controller) -> None:
    made = await local_controller.call("POST", "/api/keys", {"name": "team-a", "role": "operator"})
    policy = {"path": {"/v1/jobs*": ["list", "read"], "/v1/jobs/a-*": {"capabilities": ["create", "read"]}}}
    async with aiohttp.ClientSession() as http:
        base = dkron.url.removesuffix("/v1")
        team = Dkron(base, http, {"X-Dkron-Token": made["raw_key"]})
        assert (await team.ask("GET", "/busy"))[0] == 200
        assert (await team.ask("POST", "/acl/policies/team-a", policy))[0] == 403, "only admins make policies"
        shown = await dkron.call("POST", "/acl/policies/team-a", policy, status=202)
        assert (shown["Name"], json.loads(shown["Rules"])) == ("team-a", policy)
        assert await dkron.call("GET", "/acl/policies/team-a") == shown
        assert (await team.ask("GET", "/busy"))[0] == 403
        assert (await team.ask("GET", "/jobs"))[0] == 200
        job = {"schedule": "@manually", "tags": HERE, **shell("true")}
        assert (await team.ask("POST", "/jobs", {**job, "name": "a-1"}))[0] == 403, (
            "the list itself may be read only"
        )
        policy["path"]["/v1/jobs"] = ["list", "create"]
        await dkron.call("POST", "/acl/policies/team-a", {"Rules": json.dumps(policy)}, status=202)
        assert (await team.ask("POST", "/jobs", {**job, "name": "a-1"}))[0] == 201
        assert (await team.ask("POST", "/jobs", {**job, "name": "a-1"}))[0] == 403, "to make is not to change"
        assert (await team.ask("POST", "/jobs", {**job, "name": "b-1"}))[0] == 403
        assert (await team.ask("DELETE", "/jobs/a-1"))[0] == 403
        policy["path"] = {"/v1/*": ["read", "create", "update"], "/v1/jobs/a-*": ["list"]}
        await dkron.call("POST", "/acl/policies/team-a", policy, status=202)
        dump = json.dumps([{**job, "name": name} for name in ("a-1", "a-2", "b-2")])
        _, text, _ = await team.ask("POST", "/restore", form(dump))
        assert json.loads(json.loads(text)) == ["fail create a-1", "fail create a-2", "success create b-2"]
        policy["path"]["/v1/jobs/a-*"] = ["update"]
        await dkron.call("POST", "/acl/policies/team-a", policy, status=202)
        assert [(await team.ask("GET", f"/executions/{name}"))[0] for name in ("a-1", "b-2")] == [403, 200]
        assert (await dkron.ask("POST", "/acl/policies/x", {"path": {"/v1/*": ["sudo"]}}))[0] == 400
        await dkron.call("DELETE", "/acl/policies/team-a")
        assert (await dkron.ask("GET", "/acl/policies/team-a"))[:2] == (404, "")
        assert (await team.ask("DELETE", "/jobs/a-1"))[0] == 200


async def test_an_ephemeral_job_is_gone_after_its_first_success(dkron: Dkron) -> None:
    await dkron.save(name="never", ephemeral=True, **shell("exit 1"))
    await dkron.save(name="once", ephemeral=True)
    for name in ("never", "once"):
        await dkron.call("POST", f"/jobs/{name}")
    assert [job["name"] for job in await dkron.call("GET", "/jobs")] == ["never"]
    await dkron.save(name="by-itself", ephemeral=True, schedule="@every 1s")
    async with asyncio.timeout(PATIENCE_SECS):
        while (await dkron.ask("GET", "/jobs/by-itself"))[0] == 200:
            await asyncio.sleep(0.1)


async def test_pages_of_other_sites_may_only_where_their_origin_is_allowed(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    ui, other = {"Origin": "https://ui.example.org"}, {"Origin": "https://evil.example.org"}
    asks = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-dkron-token"}
    more = {"local_capacity": 0, "dkron_open": True, "dkron_origins": "https://ui.example.org"}
    async with (
        a_controller(database, database_url=database_url, state_dir=str(tmp_path), **more) as controller,
        aiohttp.ClientSession() as http,
    ):
        async with http.options(f"{controller.url}/v1/jobs/a", headers=ui | asks) as answer:
            assert answer.status == 204
            assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
            assert "X-Dkron-Token" in answer.headers["Access-Control-Allow-Headers"]
            assert answer.headers["Access-Control-Allow-Origin"] == ui["Origin"]
        async with http.options(f"{controller.url}/v1/jobs/a", headers=other | asks) as answer:
            assert (answer.status, answer.headers.get("Access-Control-Allow-Origin")) == (403, None)
        for path, status in (("/v1/jobs", 200), ("/v1/jobs/none", 404)):
            async with http.get(controller.url + path, headers=ui) as answer:
                assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (
                    status,
                    ui["Origin"],
                )
                assert "X-Total-Count" in answer.headers["Access-Control-Expose-Headers"]
            async with http.get(controller.url + path, headers=other) as answer:
                assert (answer.status, answer.headers.get("Access-Control-Allow-Origin")) == (status, None)
        async with http.get(f"{controller.url}/api/jobs", headers=ui) as answer:
            assert answer.headers.get("Access-Control-Allow-Origin") is None
        for headers, status in ((ui, 200), (other, 403)):
            async with http.post(f"{controller.url}/v1/pause", headers=headers) as answer:
                assert answer.status == status


async def test_ends_are_counted_by_job_for_whoever_shows_a_key(
    dkron: Dkron, local_controller: Controller, database: Database
) -> None:
    counts = JobCounts(database, settling=timedelta())
    first = exposition(await counts.read())
    assert "{" not in first, "counting begins at nothing"
    await dkron.save(name="good")
    await dkron.save(name="bad", **shell("false"))
    for name in ("good", "bad", "good"):
        await dkron.call("POST", f"/jobs/{name}")
    await asyncio.sleep(0.01)  # ids are as fine as milliseconds
    lines = exposition(await counts.read()).splitlines()
    assert 'dkron_job_executions_succeeded_total{job_name="good"} 2' in lines
    assert 'dkron_job_executions_failed_total{job_name="bad"} 1' in lines
    assert exposition(await counts.read()).splitlines() == lines, "each is counted once"
    async with aiohttp.ClientSession() as stranger, stranger.get(f"{dkron.url}/metrics") as answer:
        assert answer.status == 401
    status, text, answer = await dkron.ask("GET", "/metrics")
    assert (status, answer.headers["Content-Type"]) == (200, CONTENT_TYPE)
    assert "# TYPE dkron_job_executions_failed_total counter" in text

"""Stored scripts: saving, checking, deleting, and what agents are given of them."""

import asyncio
from typing import Any

import pytest
from tests.integration.api.conftest import Api, Serve, new_worker

from tocsin_controller.store.database import Database

STARLARK = "print('hello')\n"
DOCKERFILE = "# syntax=docker/dockerfile:1\nARG base=alpine\nFROM ${base}\n"


async def put(api: Api, name: str, code: str = STARLARK, **more: Any) -> Any:
    return await api.put(f"/api/scripts/{name}", {"code": code, **more})


async def refusal(api: Api, path: str, body: Any) -> tuple[int, str]:
    answer = await api.call("PUT", path, body)
    return answer.status, answer.json["error"]


async def test_a_script_is_saved_read_saved_anew_and_deleted(api: Api) -> None:
    assert await put(api, "hello") == {"status": "ok", "name": "hello"}
    await put(api, "Build-1", DOCKERFILE, script_type="dockerfile")
    await put(api, "hello", "x = 'ü'", script_type="starlark")
    assert await api.get("/api/scripts/hello") == {
        "name": "hello", "script_type": "starlark", "code": "x = 'ü'", "size": 8
    }  # fmt: skip
    listed = await api.get("/api/scripts")
    assert [(one["name"], one["script_type"], one["size"]) for one in listed] == [
        ("Build-1", "dockerfile", len(DOCKERFILE)), ("hello", "starlark", 8)
    ]  # fmt: skip
    assert listed[0].keys() == {"name", "script_type", "size", "modified"}
    assert listed[0]["modified"].endswith("+00:00")
    await api.delete("/api/scripts/hello")
    for method in ("GET", "DELETE"):
        assert (await api.call(method, "/api/scripts/hello")).status == 404
    kinds = [event["kind"] for event in (await api.get("/api/events"))["data"]]
    assert kinds[:4] == ["script.deleted", "script.saved", "script.saved", "script.saved"]
    audit = (await api.get("/api/audit-log?per_page=2"))["data"]
    assert [one["operation"] for one in audit] == ["script.deleted", "script.saved"]
    assert audit[1]["details"] == "starlark, 8 bytes"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("x = 1\ndef f(:\n  pass\n", "line 2"),
        ("while True:\n  pass", "`while`"),
        ("load('other.star', 'x')", "`load`"),
        ('let resp = http_get("https://example.com/health");', "looks like Rhai"),
        ("x = " + "not " * 200_000 + "1", "nested too deeply"),
        ("x = [" + "1," * 600_000 + "]", "must have at most 1048576 characters"),
            ("x = '" + "ü" * 600_000 + "'", "must be at most 1048576 bytes"),
        ("", "code"),
    ],
)  # fmt: skip
async def test_code_that_cannot_be_read_is_refused_with_its_line(api: Api, code: str, why: str) -> None:
    status, error = await refusal(api, "/api/scripts/bad", {"code": code})
    assert (status, error.partition(":")[0]) == (400, "code")
    assert why in error
    assert (await api.call("GET", "/api/scripts/bad")).status == 404


async def test_a_dockerfile_needs_its_first_instruction(api: Api) -> None:
    for code, why in (("RUN true\nFROM a", "line 1: a Dockerfile begins with FROM"), ("# x\n", "needs FROM")):
        body = {"code": code, "script_type": "dockerfile"}
        status, error = await refusal(api, "/api/scripts/bad", body)
        assert (status, why in error) == (400, True)


async def test_rhai_is_refused_with_the_way_out_and_other_types_as_unknown(api: Api) -> None:
    status, error = await refusal(api, "/api/scripts/x", {"code": STARLARK, "script_type": "rhai"})
    assert (status, "write it in Starlark" in error) == (400, True)
    status, error = await refusal(api, "/api/scripts/x", {"code": STARLARK, "script_type": "lua"})
    assert (status, error.partition(":")[0]) == (400, "script_type")


@pytest.mark.parametrize("name", ["a.b", "a b", "x" * 101, "ä"])
async def test_names_are_letters_digits_dashes_and_underscores(api: Api, name: str) -> None:
    assert (await refusal(api, f"/api/scripts/{name}", {"code": STARLARK}))[0] == 400


async def test_a_dry_run_checks_and_saves_nothing(api: Api) -> None:
    await api.put("/api/scripts/a?dry_run=true", {"code": STARLARK})
    assert (await refusal(api, "/api/scripts/a?dry_run=true", {"code": "x ="}))[0] == 400
    assert await api.get("/api/scripts") == []


async def test_a_job_needs_its_script_and_the_script_stays_while_jobs_run_it(api: Api) -> None:
    body = {"name": "j", "task": {"type": "script", "script_name": "s"}, "schedule": {"type": "on_demand"}}
    answer = await api.call("POST", "/api/jobs", body)
    assert (answer.status, answer.json["details"][0]["field"]) == (400, "task.script_name")
    await put(api, "s", DOCKERFILE, script_type="dockerfile")
    answer = await api.call("POST", "/api/jobs", body)
    assert "is dockerfile, this task needs starlark" in answer.json["error"]
    await put(api, "s")
    job = await api.post("/api/jobs", body)

    answer = await api.call("DELETE", "/api/scripts/s")
    assert (answer.status, "the job 'j'" in answer.json["error"]) == (409, True)
    answer = await api.call("PUT", "/api/scripts/s", {"code": DOCKERFILE, "script_type": "dockerfile"})
    assert (answer.status, "the job 'j'" in answer.json["error"]) == (409, True)
    await put(api, "s", "print('anew')")
    await api.delete(f"/api/jobs/{job['id']}")
    await api.delete("/api/scripts/s")


async def test_a_job_and_the_end_of_its_script_do_not_pass_each_other(api: Api) -> None:
    for number in range(5):
        await put(api, "s")
        task = {"type": "script", "script_name": "s"}
        body = {"name": f"j{number}", "task": task, "schedule": {"type": "on_demand"}}
        made, deleted = await asyncio.gather(
            api.call("POST", "/api/jobs", body), api.call("DELETE", "/api/scripts/s")
        )
        assert (made.status, deleted.status) in {(201, 409), (400, 204)}
        if made.status == 201:
            await api.delete(f"/api/jobs/{made.json['id']}")


async def test_an_execution_is_given_the_script_as_it_is_by_then_and_the_params_of_its_run(api: Api) -> None:
    workers = {name: await new_worker(api, name, task_types=[name]) for name in ("script", "docker_build")}
    await put(api, "s", "print(1)")
    await put(api, "image", DOCKERFILE, script_type="dockerfile")
    await api.post("/api/variables", {"name": "HOST", "value": "h"})
    task = {"type": "script", "script_name": "s", "vars": {"host": "{{HOST}}"}}
    script = await api.job(task=task)
    build = await api.job(task={"type": "docker_build", "script_name": "image"})
    for job, params in ((script, {"n": 5}), (build, None)):
        await api.post(f"/api/jobs/{job['id']}/trigger", {"params": params} if params else None)
    await put(api, "s", "print(2)")
    taken = {name: await worker.take_one() for name, worker in workers.items()}
    assert taken["script"]["script"] == {
        "name": "s", "script_type": "starlark", "code": "print(2)", "params": {"n": 5}
    }  # fmt: skip
    assert taken["script"]["task"]["vars"] == {"host": "h"}
    assert taken["docker_build"]["script"]["code"] == DOCKERFILE
    assert taken["docker_build"]["script"]["params"] == {}


async def test_an_execution_whose_script_is_gone_fails_with_that_reason(api: Api) -> None:
    await put(api, "s")
    job = await api.job(task={"type": "script", "script_name": "s"})
    started = await api.post(f"/api/jobs/{job['id']}/trigger")
    await api.put(f"/api/jobs/{job['id']}", {"task": {"type": "noop"}})
    await api.delete("/api/scripts/s")
    worker = await new_worker(api, task_types=["script"])
    assert await worker.take(wait_secs=1) == []
    execution = await api.get(f"/api/executions/{started['execution_ids'][0]}")
    assert (execution["status"], execution["reason"]) == ("failed", "no_script")
    assert execution["message"] == "there is no script 's'"


async def test_scripts_are_exported_and_imported_with_their_jobs(serve: Serve, database: Database) -> None:
    async with serve() as served:
        api = served.api
        await put(api, "s", "print('kept')")
        await api.job("j", task={"type": "script", "script_name": "s"})
        export = await api.get("/api/data/export")
        await api.call("DELETE", "/api/data/delete", headers={"X-Confirm-Delete": "yes-delete-all-data"})
        assert await api.get("/api/scripts") == []
        broken = {**export, "scripts": [{**export["scripts"][0], "code": "x ="}]}
        answer = await api.call("POST", "/api/data/import", broken)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, "scripts.0.code")
        summary = await api.post("/api/data/import", export)
        assert (summary["imported"]["scripts"], summary["imported"]["jobs"]) == (1, 1)
        assert (await api.get("/api/scripts/s"))["code"] == "print('kept')"
        again = await api.post("/api/data/import", export)
        assert again["skipped"]["scripts"] == 1

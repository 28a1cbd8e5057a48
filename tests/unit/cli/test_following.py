"""Following runs and events through lost connections."""

from typing import Any

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_api import FakeApi, ok, stream

E1 = "01994c2e-5a7b-7000-8000-000000000001"
E2 = "01994c2e-5a7b-7000-8000-000000000002"
RUN = "01994c2e-5a7b-7000-8000-0000000000ff"


def execution(name: str, **more: Any) -> dict[str, Any]:
    """As it stands in a run."""
    return {
        "id": name,
        "status": "running",
        "exit_code": None,
        "retry_of": None,
        "agent_name": "web-1",
    } | more


def run(status: str, *executions: dict[str, Any]) -> dict[str, Any]:
    """A run as the API shows it."""
    finished_at = None if status == "running" else "2026-01-01T00:00:00Z"
    return {"id": RUN, "status": status, "finished_at": finished_at, "executions": list(executions)}


@pytest.fixture
def triggered(api: FakeApi) -> FakeApi:
    """A controller on which `tocsin run a` starts RUN."""
    api.on("GET", "/api/jobs/a", ok({"id": "j1", "name": "a"}))
    api.on("POST", "/api/jobs/j1/trigger", ok({"run_id": RUN}, status=202))
    return api


def path(execution_id: str) -> str:
    """Of an execution's stream."""
    return f"/api/executions/{execution_id}/stream"


def test_a_broken_stream_goes_on_where_it_was(tocsin: Run, triggered: FakeApi) -> None:
    failed = execution(E1, status="failed", exit_code=7)
    triggered.on("GET", f"/api/runs/{RUN}", ok(run("running", execution(E1))), ok(run("failed", failed)))
    triggered.on(
        "GET",
        path(E1),
        stream(b"id: 1\ndata: one\n\nid: 2\nda", b"ta: two\n\nid: 3\ndata: thr", then_break=True),
        stream(then_break=True),
        stream(b"id: 3\ndata: three\n\nid: 4\ndata: [stderr] oh\n\nevent: done\nid: 5\ndata: {}\n\n"),
    )
    result = tocsin("run", "a", "--follow")
    assert result.exit_code == 7
    assert result.stdout == f"{RUN}\none\ntwo\nthree\n"
    assert "connecting again" in result.stderr
    assert "oh\n" in result.stderr
    resumed = [headers.get("Last-Event-ID") for _, where, headers, _ in triggered.seen if where == path(E1)]
    assert resumed == [None, "2", "2"]


def test_output_of_several_hosts_is_marked(tocsin: Run, triggered: FakeApi) -> None:
    executions = [
        execution(E1, status="succeeded"),
        execution(E2, status="succeeded", agent_name="database-1"),
    ]
    triggered.on("GET", f"/api/runs/{RUN}", ok(run("succeeded", *executions)))
    for one, line in ((E1, b"a"), (E2, b"b")):
        triggered.on("GET", path(one), stream(b"data: " + line + b"\ndata: x\n\nevent: done\ndata: {}\n\n"))
    result = tocsin("run", "a", "--follow")
    assert result.exit_code == 0
    assert sorted(result.stdout.splitlines()[1:]) == [
        "database-1 | b",
        "database-1 | x",
        "web-1      | a",
        "web-1      | x",
    ]


def test_a_retry_that_comes_up_meanwhile_is_followed_too(tocsin: Run, triggered: FakeApi) -> None:
    first = execution(E1, status="failed", exit_code=9)
    second = execution(E2, status="succeeded", retry_of=E1, attempt_number=2)
    triggered.on("GET", f"/api/runs/{RUN}", ok(run("running", first)), ok(run("succeeded", first, second)))
    triggered.on("GET", path(E1), stream(b"data: no\n\nevent: done\ndata: {}\n\n"))
    triggered.on("GET", path(E2), stream(b"data: yes\n\nevent: done\ndata: {}\n\n"))
    result = tocsin("run", "a", "--follow")
    assert result.exit_code == 0
    assert result.stdout == f"{RUN}\nno\nweb-1 #2 | yes\n"


def test_json_gives_the_run_the_lines_and_the_end(tocsin: Run, triggered: FakeApi) -> None:
    triggered.on("GET", f"/api/runs/{RUN}", ok(run("succeeded", execution(E1, status="succeeded"))))
    triggered.on("GET", path(E1), stream(b"data: [stderr] x\n\nevent: done\ndata: {}\n\n"))
    lines = tocsin("run", "a", "-f", "-o", "json").stdout.splitlines()
    assert lines[0] == f'{{"run_id":"{RUN}"}}'
    assert lines[1] == f'{{"execution_id":"{E1}","stream":"stderr","line":"x"}}'
    assert lines[2].startswith(f'{{"id":"{RUN}","status":"succeeded"')


def test_output_into_a_pipe_is_not_touched(tocsin: Run, triggered: FakeApi) -> None:
    triggered.on("GET", f"/api/runs/{RUN}", ok(run("succeeded", execution(E1, status="succeeded"))))
    triggered.on("GET", path(E1), stream(b"data: \x1b[2Jx\n\nevent: done\ndata: {}\n\n"))
    assert tocsin("run", "a", "-f").stdout == f"{RUN}\n\x1b[2Jx\n"

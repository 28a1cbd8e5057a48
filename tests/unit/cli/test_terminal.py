"""What only happens on a terminal: colours, fitting tables, the live view, Ctrl-C."""

import subprocess
import sys
from typing import Any

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_api import FakeApi, ok, stream
from tests.unit.cli.terminal import Seen, on_terminal

E1 = "01994c2e-5a7b-7000-8000-000000000001"
RUN = "01994c2e-5a7b-7000-8000-0000000000ff"
OLD = "2026-01-01T00:00:00Z"


def agent(name: str, **more: Any) -> dict[str, Any]:
    """An agent as the API shows it."""
    return {
        "id": name, "name": name, "status": "online", "tags": ["web"], "hostname": name, "task_types": ["shell"],
        "capacity": 16, "load": {"running": 3, "load1": 0.5}, "last_heartbeat": OLD, "registered_at": OLD,
        "agent_type": "standard", "version": "1",
    } | more  # fmt: skip


def page(*rows: dict[str, Any]) -> dict[str, Any]:
    """A page with all there is."""
    return {
        "data": list(rows),
        "total": len(rows),
        "page": 1,
        "per_page": 100,
        "total_pages": 1,
        "next": None,
    }


EXECUTION = {
    "id": E1, "job_id": "j1", "job_name": "backup", "run_id": RUN, "agent_id": "a1", "agent_name": "web-1",
    "status": "succeeded", "exit_code": 0, "attempt_number": 1, "created_at": OLD, "started_at": OLD,
    "finished_at": OLD, "retry_of": None,
}  # fmt: skip


def look(api: FakeApi, *args: str, **more: Any) -> Seen:
    """Run on a terminal against the fake controller."""
    return on_terminal(args, {"TOCSIN_URL": api.url}, **more)


@pytest.fixture
def fleet(api: FakeApi) -> FakeApi:
    """Two agents and one execution that has ended."""
    api.on(
        "GET", "/api/agents", ok([agent("web-1"), agent("db-\x1b]0;evil\x07", status="offline", load=None)])
    )
    api.on("GET", "/api/executions", ok(page(EXECUTION)))
    return api


def test_tables_fit_and_are_coloured(fleet: FakeApi) -> None:
    seen = look(fleet, "agents", "ls", columns=60)
    assert seen.exit_code == 0
    assert "\x1b[32monline" in seen.screen
    assert "db-^[]0;evil^G" in seen.screen
    assert "\x1b]0;" not in seen.screen


@pytest.mark.parametrize(
    "args", [("--no-color", "agents", "ls"), ("agents", "--no-color", "ls"), ("agents", "ls", "--no-color")]
)
def test_colours_can_be_switched_off(fleet: FakeApi, args: tuple[str, ...]) -> None:
    assert "\x1b[32m" not in look(fleet, *args).screen


def test_json_is_indented_for_people(fleet: FakeApi) -> None:
    assert '[\r\n  {\r\n    "id": "web-1"' in look(fleet, "agents", "ls", "-o", "json").screen


def test_output_of_jobs_keeps_its_colours_and_nothing_else(api: FakeApi) -> None:
    api.on("GET", f"/api/executions/{E1}", ok(EXECUTION))
    events = b"data: \x1b[31mred\x1b[0m \x1b[2J\x1b]0;evil\x07\n\nevent: done\ndata: {}\n\n"
    api.on("GET", f"/api/executions/{E1}/stream", stream(events))
    screen = look(api, "logs", E1).screen
    assert "\x1b[31mred\x1b[0m ^[[2J^[]0;evil^G" in screen
    assert "red ^[[2J" in look(api, "logs", E1, "--no-color").screen


def test_top_draws_until_q(fleet: FakeApi) -> None:
    seen = look(fleet, "top", keys={"Last finished": b"q"})
    assert seen.exit_code == 0
    assert "\x1b[?1049h" in seen.screen
    assert seen.screen.rstrip().endswith(("\x1b[?1049l", "\x1b[?25h", "\x1b[?1049l\x1b[?25h"))
    assert "1/2 online" in seen.screen
    assert "slots 3/16 taken" in seen.screen


def test_top_draws_until_ctrl_c(fleet: FakeApi) -> None:
    seen = look(fleet, "top", keys={"Last finished": b"\x03"})
    assert seen.exit_code == 130
    assert "Traceback" not in seen.screen
    assert "\x1b[?1049l" in seen.screen


def test_top_once_is_for_scripts(fleet: FakeApi, tocsin: Run) -> None:
    result = tocsin("top", "--once")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "agents 1/2 online   slots 3/16 taken   1 running   1 waiting"
    assert "Last finished" in result.stdout


def test_ctrl_c_stops_following_and_says_that_the_run_goes_on(api: FakeApi) -> None:
    api.on("GET", "/api/jobs/a", ok({"id": "j1", "name": "a"}))
    api.on("POST", "/api/jobs/j1/trigger", ok({"run_id": RUN}, status=202))
    running = {**EXECUTION, "status": "running", "finished_at": None}
    api.on(
        "GET",
        f"/api/runs/{RUN}",
        ok({"id": RUN, "status": "running", "finished_at": None, "executions": [running]}),
    )
    api.on("GET", f"/api/executions/{E1}/stream", stream(b"data: line one\n\n"))
    seen = look(api, "run", "a", "-f", keys={"line one": b"\x03"})
    assert seen.exit_code == 130
    assert f"tocsin runs cancel {RUN}" in seen.screen
    assert "Traceback" not in seen.screen


def test_a_reader_that_leaves_ends_it_quietly(api: FakeApi) -> None:
    rows = [{**EXECUTION, "job_name": "x" * 2000} for _ in range(99)]
    api.on("GET", "/api/executions", ok(page(*rows)))
    command = f"{sys.executable} -m tocsin_cli --url {api.url} executions ls --all; echo $? >&2"
    done = subprocess.run(
        ["bash", "-c", f"({command}) | head -1"], capture_output=True, text=True, check=True
    )
    assert done.stderr == "141\n"

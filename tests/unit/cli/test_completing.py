"""What the shell is told when somebody presses Tab."""

import os
import socket
import subprocess
import sys

from tests.net import free_port
from tests.unit.cli.fake_api import FakeApi, ok

JOBS = {
    "data": [{"name": "nightly backup", "group": "Ops"}, {"name": "nightly-report", "group": "Ops"}],
    "total": 2,
}
AGENTS = [{"name": "db-1", "status": "online", "tags": ["db", "linux"]}]


def complete(*words: str, url: str, flags: tuple[str, ...] = ()) -> list[str]:
    """What bash would offer for the last of these words."""
    typed = ["tocsin", *flags, *words]
    env = {
        **os.environ,
        "TOCSIN_URL": url,
        "_TOCSIN_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(typed),
        "COMP_CWORD": str(len(typed) - 1),
    }
    code = "from tocsin_cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_names_of_jobs_are_offered(api: FakeApi) -> None:
    api.on("GET", "/api/jobs", ok(JOBS))
    assert complete("run", "nig", url=api.url) == ["nightly backup", "nightly-report"]
    assert complete("jobs", "show", "nightly-", url=api.url) == ["nightly-report"]


def test_names_of_agents_and_their_tags_are_offered(api: FakeApi) -> None:
    api.on("GET", "/api/agents", ok(AGENTS))
    assert complete("agents", "show", "d", url=api.url) == ["db-1"]
    assert complete("jobs", "create", "a", "--target", "a", url=api.url) == ["any", "all", "agent:db-1"]
    assert complete("jobs", "create", "a", "--target", "t", url=api.url) == ["tag:db", "tag:linux"]


def test_the_controller_named_on_the_line_is_asked(api: FakeApi) -> None:
    api.on("GET", "/api/agents", ok(AGENTS))
    nowhere = f"http://127.0.0.1:{free_port()}"
    assert complete("agents", "rm", "d", url=nowhere, flags=("--url", api.url)) == ["db-1"]


def test_commands_are_offered_without_asking_anybody(api: FakeApi) -> None:
    assert complete("ag", url=api.url) == ["agents"]
    assert api.seen == []


def test_nothing_is_said_when_nobody_answers_in_time(api: FakeApi) -> None:
    assert complete("run", "n", url=f"http://127.0.0.1:{free_port()}") == []
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, and then never says a word
        assert complete("run", "n", url=f"http://127.0.0.1:{silent.getsockname()[1]}") == []

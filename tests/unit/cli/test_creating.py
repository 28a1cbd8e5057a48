"""`tocsin jobs create`."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_api import FakeApi, ok, refusal

AGENT = "01994c2e-5a7b-7000-8000-000000000001"


@pytest.fixture
def accepting(api: FakeApi) -> FakeApi:
    """A controller that creates whatever it is sent."""
    api.on("POST", "/api/jobs", ok({"id": "j1", "name": "a", "next_fire_time": None}, status=201))
    api.on("GET", "/api/agents/db-1", ok({"id": AGENT, "name": "db-1"}))
    return api


def sent(api: FakeApi) -> list[Any]:
    """The jobs that the controller was asked to create."""
    return [body for method, _, _, body in api.seen if method == "POST"]


def test_options_make_a_job(tocsin: Run, accepting: FakeApi) -> None:
    result = tocsin(
        "jobs", "create", "a", "--command", "echo hi", "--cron", "0 8 * * *", "--timezone", "Europe/Berlin",
        "--target", "agent:db-1", "--group", "Ops", "--timeout", "5m", "--run-as", "deploy",
    )  # fmt: skip
    assert (result.exit_code, result.stdout) == (0, "created a (j1); run it with: tocsin run 'a'\n")
    assert sent(accepting) == [
        {
            "name": "a",
            "task": {"type": "shell", "command": "echo hi"},
            "schedule": {"type": "cron", "value": "0 8 * * *"},
            "timezone": "Europe/Berlin",
            "target": {"type": "agent", "agent_id": AGENT},
            "group": "Ops",
            "timeout_secs": 300,
            "run_as": "deploy",
        }
    ]


@pytest.mark.parametrize(
    ("options", "schedule"),
    [
        ((), {"type": "on_demand"}),
        (("--every", "0"), {"type": "interval", "value": {"interval_secs": 0}}),
        (("--every", "90"), {"type": "interval", "value": {"interval_secs": 90}}),
        (("--at", "2027-01-01T00:00:00Z"), {"type": "one_shot", "value": "2027-01-01T00:00:00Z"}),
    ],
)
def test_each_schedule_has_its_option(
    tocsin: Run, accepting: FakeApi, options: tuple[str, ...], schedule: dict[str, Any]
) -> None:
    tocsin("jobs", "create", "a", "--command", "true", *options)
    assert sent(accepting)[0]["schedule"] == schedule


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "give -f FILE, or NAME and --command"),
        (("a",), "give -f FILE, or NAME and --command"),
        (
            ("a", "--command", "x", "--cron", "@daily", "--every", "5"),
            "--cron and --every exclude each other",
        ),
        (("a", "--command", "x", "--every", "often"), "is no duration"),
        (("-f", "-", "--cron", "@daily"), "-f takes everything from the file"),
        (("-f", "/nowhere.yaml"), "cannot read /nowhere.yaml"),
    ],
)
def test_wrong_usage_is_exit_code_2(
    tocsin: Run, accepting: FakeApi, arguments: tuple[str, ...], reason: str
) -> None:
    result = tocsin("jobs", "create", *arguments)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert sent(accepting) == []


def test_a_target_that_is_none_is_refused(tocsin: Run, accepting: FakeApi) -> None:
    result = tocsin("jobs", "create", "a", "--command", "x", "--target", "web")
    assert result.exit_code == 1
    assert "use any, all, local, tag:NAME, tag:EXPRESSION" in result.stderr


def test_documents_come_from_a_file_or_standard_input(
    tocsin: Run, accepting: FakeApi, tmp_path: Path
) -> None:
    text = "name: a\ntarget: tag:web\n---\n{name: b}\n"
    (tmp_path / "jobs.yaml").write_text(text)
    assert tocsin("jobs", "create", "-f", str(tmp_path / "jobs.yaml")).exit_code == 0
    assert tocsin("jobs", "create", "-f", "-", stdin=text).exit_code == 0
    both = [{"name": "a", "target": {"type": "tagged", "tag": "web"}}, {"name": "b"}]
    assert sent(accepting) == both * 2


def test_a_refused_document_does_not_keep_the_others_out(tocsin: Run, api: FakeApi) -> None:
    details = [{"field": "task", "reason": "is missing"}, {"field": "schedule", "reason": "is missing"}]
    api.on(
        "POST",
        "/api/jobs",
        refusal(400, "invalid_input", "wrong", details=details),
        refusal(409, "name_taken", "That name is in use."),
        ok({"id": "j3", "name": "c", "next_fire_time": None}, status=201),
    )
    result = tocsin("jobs", "create", "-f", "-", stdin="[{name: a}, {name: b}, {name: c}]")
    assert result.exit_code == 1
    assert result.stdout.startswith("created c (j3)")
    assert result.stderr == (
        "Error: a:\n  task: is missing\n  schedule: is missing\nError: b:\n  That name is in use.\n"
    )


def test_nothing_is_created_from_a_text_that_is_broken(tocsin: Run, accepting: FakeApi) -> None:
    result = tocsin("jobs", "create", "-f", "-", stdin="name: a\n---\nname: [")
    assert result.exit_code == 1
    assert "standard input: line 3" in result.stderr
    assert sent(accepting) == []

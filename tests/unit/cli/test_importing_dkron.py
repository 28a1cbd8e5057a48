"""Dkron's jobs as job documents."""

import base64
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from tocsin_cli.importing.converted import CannotConvert, Converted
from tocsin_cli.importing.dkron import DkronOptions, read_jobs
from tocsin_controller.scheduling.cron_syntax import parse
from tocsin_shared.jobs import JobCreate
from tocsin_shared.manifest import Names, resolved

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
OPTIONS = DkronOptions(None, "Europe/Madrid", NOW)
ANY_NODE = {"role": "dkron:1"}


def job(name: str = "test_job", **changes: Any) -> dict[str, Any]:
    shell = {"executor": "shell", "executor_config": {"command": "date", "shell": "true"}}
    return {"name": name, "schedule": "@manually", "tags": ANY_NODE, **shell, **changes}


def read(*jobs: dict[str, Any]) -> Converted:
    """Each document is one that the API takes."""
    found = read_jobs(list(jobs), "jobs.json", OPTIONS)
    names = Names(jobs={one["name"]: UUID(int=number) for number, one in enumerate(found.documents)})
    for one in found.documents:
        body, wrong = resolved(one, names)
        assert not wrong
        JobCreate.model_validate(body)
        if body["schedule"]["type"] == "cron":
            parse(body["schedule"]["value"], one["name"])
    return found


def one(**changes: Any) -> tuple[dict[str, Any], list[str]]:
    found = read(job(**changes))
    (document,) = found.documents
    return document, [note for where, note in found.notes if where == document["name"]]


def task(executor: str, **config: str) -> tuple[dict[str, Any], list[str]]:
    return one(executor=executor, executor_config=config)


def command(text: str, **config: str) -> tuple[dict[str, Any], list[str]]:
    return one(executor_config={"command": text, "shell": "true", **config})


def refusal(**changes: Any) -> str:
    found = read(job(**changes))
    assert found.documents == []
    ((_, note),) = found.notes
    assert note.startswith("not imported: ")
    return note


@pytest.mark.parametrize(
    ("text", "schedule", "zone"),
    [
        ("@manually", {"type": "on_demand"}, None),
        ("@minutely", {"type": "cron", "value": "0 * * * * *"}, None),
        ("@daily", {"type": "cron", "value": "@daily"}, "Europe/Madrid"),
        ("@every 1h30m", {"type": "interval", "value": {"interval_secs": 5400}}, None),
        ("@every 500ms", {"type": "interval", "value": {"interval_secs": 1}}, None),
        ("@at 2026-12-24T18:00:00+01:00", {"type": "one_shot", "value": "2026-12-24T17:00:00Z"}, None),
        ("0 30 4 ? * mon-fri", {"type": "cron", "value": "0 30 4 * * mon-fri"}, "Europe/Madrid"),
        ("? */1 4 1 * 1", {"type": "cron", "value": "* * 4 1 * 1"}, "Europe/Madrid"),
        ("0 0 ~ * * *", {"type": "cron", "value": "0 0 18 * * *"}, "Europe/Madrid"),
        ("0 ~/15 * * * *", {"type": "cron", "value": "0 18/15 * * * *"}, "Europe/Madrid"),
        ("TZ=Asia/Tokyo 0 0 5 * * *", {"type": "cron", "value": "0 0 5 * * *"}, "Asia/Tokyo"),
        ("CRON_TZ=Asia/Tokyo @daily", {"type": "cron", "value": "@daily"}, "Asia/Tokyo"),
        ("TZ=Local 0 0 5 * * *", {"type": "cron", "value": "0 0 5 * * *"}, "Europe/Madrid"),
    ],
)
def test_schedules(text: str, schedule: dict[str, Any], zone: str | None) -> None:
    document, notes = one(schedule=text)
    assert (document["schedule"], document.get("timezone"), notes) == (schedule, zone, [])


def test_a_name_that_changes_keeps_its_hour() -> None:
    (document,) = read(job("-test_job", schedule="0 0 ~ * * *")).documents
    assert (document["name"], document["schedule"]["value"]) == ("test_job", "0 0 15 * * *")


def test_the_zone_of_a_job_counts_for_fields_only() -> None:
    document, notes = one(schedule="0 0 5 * * *", timezone="Asia/Tokyo")
    assert (document["timezone"], notes) == ("Asia/Tokyo", [])
    document, (note,) = one(schedule="@daily", timezone="Asia/Tokyo")
    assert document["timezone"] == "Europe/Madrid"
    assert "Asia/Tokyo had no effect" in note


def test_the_clock_of_the_server_is_told_once() -> None:
    found = read(job("a", schedule="@daily"), job("b", schedule="0 0 5 * * *"), job("c"))
    assert found.notes == [
        (
            "jobs.json",
            "jobs without a time zone follow Europe/Madrid, taken to be the clock of Dkron's server (--timezone)",
        )
    ]


def test_instants_that_have_passed_leave_jobs_that_can_be_run_by_hand() -> None:
    document, (note,) = one(schedule="@at 2020-01-01T00:00:00Z")
    assert document["schedule"] == {"type": "on_demand"}
    assert "has passed" in note
    document, (note,) = one(schedule="@after 2026-06-01T11:00:00Z <PT2H")
    assert "Dkron would still run it once" in note
    document, (note,) = one(schedule="@daily", expires_at="2026-01-01T00:00")
    assert (document["schedule"], note) == ({"type": "on_demand"}, "runs on demand only: it has expired")


def test_a_grace_is_how_late_an_instant_may_be_made_up_for() -> None:
    document, notes = one(schedule="@after 2026-07-01T00:00:00Z <P1DT2H")
    assert document["schedule"] == {"type": "one_shot", "value": "2026-07-01T00:00:00Z"}
    assert (document["catchup_window_secs"], notes) == (26 * 3600, [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * * *",
        "@reboot",
        "@every soon",
        "@at noon",
        "@after 2026-07-01T00:00:00Z <P2H",
        "TZ=UTC @manually",
        "TZ=Mars/Olympus 0 0 1 * * *",
        "* * * 5-1 * *",
    ],
)
def test_schedules_that_dkron_refuses_are_told(text: str) -> None:
    refusal(schedule=text)


def test_windows_and_the_zero_time() -> None:
    document, _ = one(
        schedule="@daily", starts_at="2026-01-01T00:00", expires_at="2027-01-01T00:00:00.123456789+01:00"
    )
    assert document["starts_at"] == "2026-01-01T00:00:00Z"
    assert document["expires_at"] == "2026-12-31T23:00:00.123456Z"
    document, _ = one(schedule="@daily", starts_at="0001-01-01T00:00:00Z", expires_at=None)
    assert {"starts_at", "expires_at"}.isdisjoint(document)


@pytest.mark.parametrize(
    ("tags", "target"),
    [
        (None, {"type": "all"}),
        ({"role": "dkron"}, {"type": "all"}),
        ({"role": "dkron:1"}, {"type": "any"}),
        ({"dc": "eu:1"}, {"type": "tagged", "tag": "dc=eu"}),
        ({"dc": "eu"}, {"type": "tagged", "tag": "dc=eu", "mode": "all"}),
        ({"dc": "eu", "role": "dkron:1"}, {"type": "tagged", "tag": "dc=eu"}),
        ({"dc": "eu", "disk": "ssd:1"}, {"type": "tagged", "expression": "dc=eu and disk=ssd"}),
        ({"role": "web:3"}, {"type": "tagged", "tag": "role=web", "mode": "all", "count": 3}),
        ({"region": "global", "dc": "dc1"}, {"type": "all"}),
        ({"server": "true"}, {"type": "local"}),
    ],
)
def test_tags_are_targets(tags: dict[str, str] | None, target: dict[str, Any]) -> None:
    assert one(tags=tags)[0]["target"] == target


def test_tags_that_agents_need_and_controllers_are_told() -> None:
    found = read(job(tags={"dc": "eu:3", "disk": "ssd"}))
    assert found.documents[0]["target"] == {
        "type": "tagged", "mode": "all", "expression": "dc=eu and disk=ssd", "count": 3,
    }  # fmt: skip
    assert found.notes == [("jobs.json", "agents need the tags that jobs ask for: dc=eu, disk=ssd")]
    assert "on a controller's own host" in one(tags={"server": "true"})[1][0]
    assert "no node" in refusal(tags={"dc": "eu:many"})
    assert "can't be a tag" in refusal(tags={"what": "two words"})


def test_children_wait_for_their_parent_and_not_for_a_time() -> None:
    child = job("child", parent_job="parent", schedule="@daily")
    found = read(job("parent"), child)
    assert found.documents[1]["depends_on"] == [{"job": "parent"}]
    assert found.documents[1]["schedule"] == {"type": "on_demand"}
    found = read(child)
    assert "depends_on" not in found.documents[0]
    assert found.notes == [("child", "runs on demand only: its parent parent is not among the jobs")]


def test_what_else_a_job_says() -> None:
    document, notes = one(
        displayname="Daily report",
        owner="Ann",
        owner_email="ann@example.org",
        metadata={"team": "ops"},
        retries=3,
        disabled=True,
        concurrency="forbid",
        ephemeral=True,
        processors={"files": {"forward": "true"}, "syslog": {}, "slack": {"team": "a"}},
    )
    assert document["description"] == "Daily report\nOwner: Ann ann@example.org\nteam: ops"
    assert (document["retry_max"], document["status"], document["max_concurrent"]) == (3, "paused", 1)
    assert document["output_rules"]["sinks"] == [
        {"type": "file", "keep_output": True, "directory": "/var/log/dkron"},
        {"type": "syslog", "keep_output": False},
    ]
    assert document["notifications"]["recipients"]["emails"] == ["ann@example.org"]
    assert [note.split(":")[0] for note in notes] == [
        "stays after its first success; Dkron deleted it",
        "its output goes to file and syslog where the controllers' operator has opened that (output_*)",
        "its output does not go to the processor slack",
        "mail goes to ann@example.org at its ends once the fleet has a mail server (notification_email)",
    ]


def test_a_shell_command_with_all_its_settings() -> None:
    document, notes = command(
        "make report | sort",
        env="A=1,B=x=y",
        cwd="/srv",
        su="ann:staff",
        timeout="1m30.5s",
        mem_limit="512MB",
        payload=base64.b64encode(b"hello\n").decode(),
    )
    assert document["task"] == {
        "type": "shell",
        "command": "make report | sort",
        "env": {"ENV_JOB_NAME": "test_job", "A": "1", "B": "x=y"},
        "working_dir": "/srv",
        "stdin": "hello\n",
    }
    assert (document["run_as"], document["timeout_secs"]) == ("ann", 91)
    assert document["limits"] == {"memory_max_bytes": 512 * 1024 * 1024}
    assert notes == ["runs with the groups of ann, not with the group staff"]


@pytest.mark.parametrize(
    ("text", "words", "dropped"),
    [
        ("echo 'a;b' $HOME", "echo 'a;b' '$HOME'", None),
        ("echo a && rm -r /tmp/x", "echo a", "&& rm -r /tmp/x"),
        ("report 2>/dev/null", "report", ">/dev/null"),
        ("report2>/dev/null", "report2", ">/dev/null"),
        (r"echo a\;b", "echo 'a;b'", None),
    ],
)
def test_without_a_shell_words_are_only_words(text: str, words: str, dropped: str | None) -> None:
    document, notes = task("shell", command=text)
    assert document["task"]["command"] == words
    assert [dropped in note for note in notes if dropped] == ([True] if dropped else [])


def test_http_with_and_without_expectations() -> None:
    document, notes = task(
        "http",
        method="POST",
        url="http://example.org/x",
        headers='["Accept: text/plain", "X-At: 10:30"]',
        body="{}",
        timeout="5",
        expectCode="200,206",
        expectBody="ok|fine",
    )
    assert document["task"] == {
        "type": "http",
        "method": "post",
        "url": "http://example.org/x",
        "headers": {"Accept": "text/plain", "X-At": "10:30"},
        "body": "{}",
        "expect_statuses": [200, 206],
    }
    assert document["timeout_secs"] == 5
    assert document["output_rules"] == {"assertions": [{"pattern": "ok|fine"}]}
    assert notes == ["sends the header X-At whole; Dkron cut its value at the second colon"]
    document, notes = task("http", method="GET", url="http://example.org", tlsNoVerifyPeer="true")
    assert document["task"]["expect_status"] == "any"
    assert [note.split()[0] for note in notes] == ["succeeds", "tlsNoVerifyPeer"]


def test_brokers() -> None:
    kafka, notes = task(
        "kafka",
        brokerAddress="a:9092, b:9092",
        topic="t",
        message="m",
        key="k",
        tlsEnable="true",
        saslUsername="u",
        saslPassword="p",
        saslMechanism="sha256",
    )
    assert kafka["task"]["broker"] == "a:9092,b:9092"
    assert kafka["task"]["properties"].splitlines() == [
        "security.protocol=SASL_SSL",
        "sasl.mechanism=SCRAM-SHA-256",
        "sasl.username=u",
        "sasl.password=p",
    ]
    assert "connection of type kafka" in notes[0]
    nats, _ = task("nats", url="nats://n:4222", subject="s", message="m", userName="u", password="p")
    assert nats["task"]["username"] == "u"
    rabbit, notes = task(
        "rabbitmq",
        **{
            "url": "amqp://r/",
            "queue.name": "q",
            "queue.create": "true",
            "message.base64Body": base64.b64encode(b"m").decode(),
        },
    )
    assert rabbit["task"] == {
        "type": "rabbitmq",
        "url": "amqp://r/",
        "exchange": "",
        "routing_key": "q",
        "message": "m",
        "content_type": "text/plain",
    }
    assert notes == ["does not make its queue: it must be there"]
    grpc, _ = task("grpc", url="h:50051/pkg.Service/Do", body='{"a": 1}', timeout="7", expectCode="5")
    assert grpc["task"] == {
        "type": "grpc",
        "host": "h:50051",
        "method": "pkg.Service/Do",
        "body": {"a": 1},
        "expect_code": 5,
    }


def test_what_cannot_be_done_is_told() -> None:
    assert "'gcppubsub' is not available here" in refusal(
        executor="gcppubsub", executor_config={"project": "p"}
    )
    assert "command is missing" in refusal(executor_config={"shell": "true"})
    assert "payload must be text in base64" in refusal(executor_config={"command": "cat", "payload": "//79"})
    assert "no object" in refusal(tags=["dc"])
    assert "texts only" in refusal(executor_config={"command": 1})
    assert command("echo {{NAME}}")[0]["task"]["command"] == "echo {{{{NAME}}"
    with pytest.raises(CannotConvert, match="no jobs of Dkron"):
        read_jobs("text", "jobs.json", OPTIONS)

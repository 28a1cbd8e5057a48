"""What Dkron's clients send means what Dkron means by it: schedules, tags, executors, a decoder like Go's."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tocsin_controller.compat.dkron.executors import read_work
from tocsin_controller.compat.dkron.instants import written
from tocsin_controller.compat.dkron.restoring import in_order
from tocsin_controller.compat.dkron.schedules import read_schedule
from tocsin_controller.compat.dkron.values import KEYS, decode_job, first_value
from tocsin_shared.dkron.instants import parse_instant
from tocsin_shared.dkron.targets import NOBODY, read_target
from tocsin_shared.errors import MalformedBody
from tocsin_shared.jobs import JobDefinition

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def meant(text: str, timezone: str = "", name: str = "test_job") -> Any:
    when = read_schedule(text, timezone, name, NOW)
    return when.schedule.get("value"), when.timezone


@pytest.mark.parametrize(
    ("text", "value", "timezone"),
    [
        ("0 0 ~ * * *", "0 0 18 * * *", None),
        ("TZ=Europe/Madrid 0 0 1 * ~ *", "0 0 1 * 7 *", "Europe/Madrid"),
        ("CRON_TZ=Asia/Tokyo 0 30 4 * * mon-FRI", "0 30 4 * * mon-FRI", "Asia/Tokyo"),
        ("*/1 ? 3/4 ? jan ?", "* * 3/4 * jan *", None),
        ("@daily", "@daily", None),
        ("@minutely", "0 * * * * *", None),
        ("@every 1h30m", {"interval_secs": 5400}, None),
        ("@every 500ms", {"interval_secs": 1}, None),
        ("@every -5m", {"interval_secs": 1}, None),
        ("@manually", None, None),
        ("@at 2026-06-01T10:00:00Z", "2026-06-01T10:00:00+00:00", None),
        ("@at 2020-06-01T10:00:00Z", None, None),
        ("@after 2026-06-01T10:00:00Z <P1D", "2026-06-01T10:00:00+00:00", None),
        ("@after 2026-05-01T11:00:00Z <PT2H", "2026-05-01T12:00:01+00:00", None),
        ("@after 2026-04-01T11:00:00Z <PT2H", None, None),
    ],
)
def test_schedules_are_read(text: str, value: Any, timezone: str | None) -> None:
    assert meant(text) == (value, timezone)


def test_the_zone_of_the_text_goes_before_the_one_of_the_job() -> None:
    assert meant("0 0 1 * * *", "Europe/Rome") == ("0 0 1 * * *", "Europe/Rome")
    assert meant("TZ=Asia/Tokyo 0 0 1 * * *", "Europe/Rome") == ("0 0 1 * * *", "Asia/Tokyo")
    assert meant("0 0 1 * * *", "Local") == ("0 0 1 * * *", None)


@pytest.mark.parametrize(
    "text",
    [
        "", "* * * * *", "60 * * * * *", "* * * * * 7", "* * * 5-1 * *", "*/0 * * * * *", "* * * L * *", "@reboot",
        "@random", "@every", "@every soon", "@at tomorrow", "TZ=Europe/Madrid", "TZ=Mars/Olympus 0 0 1 * * *",
        "@after 2026-06-01T10:00:00Z P1D", "@after 2026-06-01T10:00:00Z <P2H", "@after 2026-06-01T10:00:00Z <P",
        "TZ=Europe/Madrid @at 2026-06-01T10:00:00Z", "5-~ 0 0 1 1 x",
    ],
)  # fmt: skip
def test_other_schedules_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_schedule(text, "", "test_job", NOW)


@pytest.mark.parametrize(
    ("tags", "target"),
    [
        (None, {"type": "all"}),
        ({"role": "dkron:1"}, {"type": "any"}),
        ({"role": "dkron:3"}, {"type": "all", "count": 3}),
        ({"role": "web"}, {"type": "tagged", "mode": "all", "tag": "role=web"}),
        ({"role": "web:1"}, {"type": "tagged", "tag": "role=web"}),
        (
            {"role": "web:4", "dc": "fra:2"},
            {"type": "tagged", "mode": "all", "expression": "role=web and dc=fra", "count": 2},
        ),
        ({"region": "global", "a": "b:c:9"}, {"type": "tagged", "mode": "all", "tag": "a=b"}),
        ({"server": "true"}, {"type": "local"}),
        ({"role": "web:none"}, NOBODY),
        ({"role": "web:0"}, NOBODY),
    ],
)
def test_tags_choose_hosts(tags: dict[str, str] | None, target: dict[str, Any]) -> None:
    assert read_target(tags) == target


def work(executor: str, **config: str) -> Any:
    parts = read_work("j", executor, {key.replace("__", "."): value for key, value in config.items()})
    JobDefinition.model_validate({"name": "j", "schedule": {"type": "on_demand"}, **parts})
    return parts


def test_executors_are_tasks_of_ours() -> None:
    shell = work(
        "shell", command="echo 'a;b' $HOME; rm -rf /", env="A=1,B=2", cwd="/srv", su="bob:staff",
        timeout="90s", mem_limit="1.5GB", payload="aGk=",
    )  # fmt: skip
    assert shell["task"] == {
        "type": "shell", "command": "echo 'a;b' '$HOME'", "working_dir": "/srv", "run_as": "bob", "stdin": "hi",
        "env": {"A": "1", "B": "2", "ENV_JOB_NAME": "j"},
    }  # fmt: skip
    assert (shell["timeout_secs"], shell["limits"]) == (90, {"memory_max_bytes": 1_610_612_736})
    piped = read_work("j", "shell", {"command": "echo $HOME | cat", "shell": "true"})
    assert piped["task"]["command"] == "echo $HOME | cat"
    http = work(
        "http", method="GET", url="http://a/b", headers='["X-A: b:c"]', expectCode="200, 206", expectBody="ok"
    )
    assert http["task"]["headers"] == {"X-A": "b:c"}
    assert (http["task"]["expect_statuses"], http["timeout_secs"]) == ([200, 206], 30)
    assert work("http", method="GET", url="http://a/b")["task"]["expect_status"] == "any"
    assert http["output_rules"] == {"assertions": [{"pattern": "ok"}]}
    kafka = work(
        "kafka",
        brokerAddress="a:9092, b:9092",
        topic="t",
        message="m",
        saslUsername="u",
        saslMechanism="sha256",
    )
    assert "sasl.mechanism=SCRAM-SHA-256" in kafka["task"]["properties"]
    assert work("nats", url="nats://h", subject="s")["task"]["type"] == "nats"
    rabbit = work("rabbitmq", url="amqp://h", queue__name="q", message__base64Body="aGk=")["task"]
    assert (rabbit["routing_key"], rabbit["message"]) == ("q", "hi")
    grpc = work("grpc", url="h:50051/a.B/C", body='{"x": 1}')["task"]
    assert (grpc["host"], grpc["method"], grpc["body"]) == ("h:50051", "a.B/C", {"x": 1})


@pytest.mark.parametrize(
    ("executor", "config", "why"),
    [
        ("docker", {}, "'docker' is not available here"),
        ("", {}, "none is given"),
        ("shell", {}, "command is missing"),
        ("shell", {"command": "echo 'a"}, "quotation"),
        ("http", {"method": "GET", "url": "gopher://x"}, "must start with"),
        ("http", {"method": "GET", "url": "http://x", "tlsNoVerifyPeer": "true"}, "connection"),
        ("rabbitmq", {"url": "amqp://h", "queue.name": "q", "queue.create": "true"}, "queue.create"),
    ],
)
def test_what_cannot_be_run_fails_and_says_why(executor: str, config: dict[str, str], why: str) -> None:
    task = read_work("j", executor, config)["task"]
    assert (task["type"], task["exit_code"]) == ("noop", 1)
    assert why in task["output"].lower()


def test_jobs_are_decoded_as_go_does() -> None:
    job = decode_job(
        first_value(b' {"NAME":"a","Owner":null,"tags":{"x":null},"starts_at":"2026-01-02T03:04"} junk')
    )
    assert list(job) == list(KEYS)
    assert (job["name"], job["id"], job["owner"], job["tags"]) == ("a", "a", "", {"x": ""})
    assert (job["starts_at"], job["concurrency"], job["processors"]) == (
        "2026-01-02T03:04:00Z",
        "allow",
        None,
    )
    for raw in (
        b"", b"{", b"[]", b'{"tags":{"a":1}}', b'{"retries":-1}', b'{"retries":1.5}', b'{"next":"x"}',
        b'{"disabled":"no"}', b'{"name":"\\u0000"}', b'{"processors":{"log":{"forward":true}}}',
    ):  # fmt: skip
        with pytest.raises(MalformedBody):
            decode_job(first_value(raw))


def test_instants_are_written_as_go_does() -> None:
    for text in ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.12+02:00", "0001-01-01T00:00:00Z"):
        assert written(parse_instant(text)) == text


def test_parents_are_restored_before_their_children_however_many() -> None:
    names = [f"j{n}" for n in range(20_000)]
    chain = [
        {"name": name, "parent_job": parent} for name, parent in zip(names, [*names[1:], ""], strict=True)
    ]
    assert [job["name"] for job in in_order(chain)] == names[::-1]
    circle = [{"name": "a", "parent_job": "b"}, {"name": "b", "parent_job": "a"}]
    assert in_order([*circle, {"name": "c", "parent_job": ""}])[0]["name"] == "c"
    assert len(in_order(circle)) == 2

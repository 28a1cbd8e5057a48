"""Which servers a task is going to speak to."""

from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from tocsin_agent.policy.servers import Unreadable, servers_of
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import Task
from tocsin_shared.tasks.fields import ConnectedTask


def assignment(task: dict[str, Any], connection: dict[str, Any] | None = None) -> Assignment:
    given = None
    if connection:
        conn_type = "s3" if "bucket" in connection else "kafka"
        given = {"name": "it", "conn_type": conn_type, "config": connection}
    return Assignment(
        execution_id=new_id(),
        run_id=new_id(),
        job_id=new_id(),
        job_name="job",
        fence=1,
        task=TypeAdapter[Any](Task).validate_python(task | ({"connection": "it"} if connection else {})),
        connection=given,
    )


def sql(url: str, driver: str = "postgres") -> dict[str, Any]:
    return {"type": "sql", "driver": driver, "connection_string": url, "query": "select 1"}


KAFKA = {"type": "kafka", "topic": "t", "message": "m"}
REDIS = {"type": "redis", "channel": "c", "message": "m"}

CASES: list[tuple[dict[str, Any], list[tuple[str, int]]]] = [
    (sql("postgresql://u:p@db.example:5433/x"), [("db.example", 5433)]),
    (sql("postgresql://u:p%40@one:1,two/x?sslmode=require"), [("one", 1), ("two", 5432)]),
    (sql("postgresql://u:p@[::1]:5433/x"), [("::1", 5433)]),
    (sql("postgresql:///x?host=/run/postgresql"), [("localhost", 5432)]),
    (sql("postgresql://harmless/x?host=127.0.0.1"), [("127.0.0.1", 5432), ("harmless", 5432)]),
    (sql("postgresql:///x"), [("localhost", 5432)]),
    (sql("postgresql://%31%32%37.0.0.1/x"), [("127.0.0.1", 5432)]),
    (
        sql("host=one,two dbname='x y' HOSTADDR = '10.0.0.1'"),
        [("one", 5432), ("two", 5432), ("10.0.0.1", 5432)],
    ),
    (sql("dbname=x"), [("localhost", 5432)]),
    (sql("host=/run/postgresql"), [("localhost", 5432)]),
    (sql("mysql://u@harmless/x?socket=/run/mysqld.sock", "mysql"), [("localhost", 5432), ("harmless", 5432)]),
    (sql("/var/lib/app.db", "sqlite"), []),
    (KAFKA | {"broker": "a:1,b"}, [("a", 1), ("b", 9092)]),
    (
        {"type": "kafka_consume", "topic": "t", "broker": "[fe80::1]:9093"},
        [("fe80::1", 9093)],
    ),
    ({"type": "mqtt", "broker": "m", "port": 1884, "topic": "t", "message": "m"}, [("m", 1884)]),
    ({"type": "mqtt_subscribe", "broker": "m", "topic": "t"}, [("m", 1883)]),
    (
        {"type": "rabbitmq", "url": "amqp://u:p@r/v", "exchange": "", "routing_key": "k", "message": "m"},
        [("r", 5672)],
    ),
    ({"type": "rabbitmq_consume", "url": "amqps://r:5671", "queue": "q"}, [("r", 5671)]),
    (REDIS | {"url": "redis://u:p@r:6380/0"}, [("r", 6380)]),
    (REDIS | {"url": "unix:///run/redis.sock"}, [("localhost", 6379)]),
    ({"type": "redis_read", "url": "rediss://r", "key": "k"}, [("r", 6379)]),
    (
        {"type": "nats", "url": "nats://a:1,nats://b", "subject": "s", "message": "m"},
        [("a", 1), ("b", 4222)],
    ),
    ({"type": "grpc", "host": "g:50051", "method": "a.B/C"}, [("g", 50051)]),
    ({"type": "ssh", "host": "h", "command": "c"}, [("h", 22)]),
    (
        {
            "type": "ftp",
            "protocol": "sftp",
            "host": "f",
            "direction": "upload",
            "remote_path": "/r",
            "local_path": "/l",
        },
        [("f", 21)],
    ),
]


@pytest.mark.parametrize(("task", "servers"), CASES, ids=lambda one: str(one)[:60])
def test_a_task_is_asked_where_it_goes(task: dict[str, Any], servers: list[tuple[str, int]]) -> None:
    assert servers_of(assignment(task)) == servers


@pytest.mark.parametrize(
    "task",
    [
        sql("mysql://127.0.0.1\t/x", "mysql"),
        sql("host=harm\\less"),
        sql("postgresql://[::1/x"),
        sql("postgresql://a b/x"),
        REDIS | {"url": "redis://u:p://x@127.0.0.1"},
        KAFKA | {"broker": "PLAINTEXT://h:9092"},
        {"type": "grpc", "host": "unix:/run/docker.sock", "method": "a.B/C"},
        {"type": "grpc", "host": "ipv4:127.0.0.1:80", "method": "a.B/C"},
        {"type": "grpc", "host": "dns:///127.0.0.1:80", "method": "a.B/C"},
        {"type": "ssh", "host": "h|x", "command": "c"},
    ],
    ids=str,
)
def test_what_is_not_understood_is_not_taken_for_harmless(task: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        servers_of(assignment(task))


def test_what_the_connection_says_counts_before_what_the_task_says() -> None:
    given = assignment(KAFKA | {"broker": "harmless:1"}, {"broker": "real:2"})
    assert servers_of(given) == [("real", 2)]


def test_s3_goes_to_its_endpoint_or_to_aws() -> None:
    task = {"type": "s3", "direction": "upload", "key": "k", "local_path": "/l"}
    assert servers_of(assignment(task, {"bucket": "b", "endpoint": "http://minio:9000"})) == [("minio", 9000)]
    assert servers_of(assignment(task, {"bucket": "b"})) == [("s3.amazonaws.com", 443)]


def test_no_type_with_an_address_is_left_out() -> None:
    models = get_args(get_args(Task)[0])
    connected = {
        m.model_fields["type"].annotation.__args__[0] for m in models if issubclass(m, ConnectedTask)
    }
    assert connected - {task["type"] for task, _ in CASES} == {"http", "mcp", "s3"}

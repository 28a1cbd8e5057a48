"""Where tasks find brokers: what the connection says goes first, and no password is ever told."""

import pytest

from tocsin_agent.tasks.driving import TaskFailed
from tocsin_agent.tasks.mqtt.server import MqttServer
from tocsin_agent.tasks.mqtt.server import server_of as mqtt_server
from tocsin_agent.tasks.rabbitmq.server import server_of as rabbitmq_server
from tocsin_agent.tasks.redis.server import server_of as redis_server
from tocsin_shared.connections.configs import MqttConfig, RabbitmqConfig, RedisConfig
from tocsin_shared.connections.given import GivenConnection
from tocsin_shared.executions import Reason
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import Assignment
from tocsin_shared.tasks import MqttTask


def mqtt(config: dict[str, object] | None = None, **task: object) -> MqttServer:
    said = {"type": "mqtt", "topic": "t", "message": "m", "connection": "c", **task}
    given = GivenConnection(name="c", conn_type="mqtt", config=config) if config else None
    task_ = MqttTask.model_validate(said)
    assignment = Assignment(
        execution_id=new_id(),
        run_id=new_id(),
        job_id=new_id(),
        job_name="j",
        fence=1,
        task=task_,
        connection=given,
    )
    return mqtt_server(assignment, task_)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("redis://host", "Redis at host:6379"),
        ("redis://u:secret@host:7000/3", "Redis at host:7000"),
        ("rediss://:secret@[::1]:7000", "Redis at [::1]:7000"),
        ("unix:///run/redis.sock?db=2", "Redis at /run/redis.sock"),
    ],
)
def test_redis_is_named_without_its_login(url: str, name: str) -> None:
    server = redis_server(url, None)
    assert server.name == name
    assert "secret" not in repr(server)


def test_a_login_of_redis_is_decoded_and_the_connections_own_goes_first() -> None:
    server = redis_server("redis://u%40x:p%2Fw@host/4", None)
    assert (server.username, server.password, server.database) == ("u@x", "p/w", 4)
    server = redis_server("redis://other", RedisConfig(url="redis://u:p@host", password="better"))
    assert (server.host, server.username, server.password) == ("host", "u", "better")


def test_redis_speaks_tls_by_its_scheme_unless_the_connection_says_so() -> None:
    assert redis_server("rediss://host", None).tls is not None
    assert redis_server("redis://host", None).tls is None
    assert redis_server("", RedisConfig(url="redis://host", tls=True)).tls is not None
    assert redis_server("", RedisConfig(url="rediss://host", tls=False)).tls is None


@pytest.mark.parametrize(
    "end", ["host:port", "host:99999999", "host/db", "host?ssl_keyfile=/etc/shadow", "[host"]
)
def test_a_url_of_redis_that_is_none_is_told_without_its_password(end: str) -> None:
    for config, reason in ((None, Reason.CONNECT_FAILED), ("c", Reason.BAD_CONNECTION)):
        url = f"redis://user:s3cret@{end}"
        with pytest.raises(TaskFailed) as failure:
            redis_server(url, RedisConfig(url=url) if config else None)
        assert failure.value.reason is reason
        assert "s3cret" not in failure.value.text


def test_rabbitmq_takes_virtual_hosts_with_slashes_and_logins_with_anything() -> None:
    server = rabbitmq_server("amqp://u%40x:p%2Fw%3A@host/a%2Fb%20c", None)
    assert (server.url.user, server.url.password) == ("u@x", "p/w:")
    assert server.virtual_host == "a/b c"
    assert rabbitmq_server("amqp://host", None).virtual_host == "/"
    assert rabbitmq_server("amqp://host/", None).virtual_host == "/"


@pytest.mark.parametrize(
    ("url", "name"),
    [("amqp://host", "host:5672"), ("amqps://u:secret@host", "host:5671"), ("amqp://[::1]:1", "[::1]:1")],
)
def test_rabbitmq_is_named_without_its_login(url: str, name: str) -> None:
    server = rabbitmq_server(url, None)
    assert server.name == f"RabbitMQ at {name}"
    assert "secret" not in repr(server)


@pytest.mark.parametrize("end", ["host:port", "host/?no_verify_ssl=1", "host?cafile=/etc/passwd", "[host"])
def test_a_url_of_rabbitmq_that_is_none_is_told_without_its_password(end: str) -> None:
    url = f"amqp://user:s3cret@{end}"
    for config in (None, RabbitmqConfig(url=url)):
        with pytest.raises(TaskFailed) as failure:
            rabbitmq_server(url, config)
        assert "s3cret" not in failure.value.text


@pytest.mark.parametrize(
    ("broker", "port", "found"),
    [
        ("host", None, ("host", 1883)),
        ("host", 2000, ("host", 2000)),
        ("host:3000", 2000, ("host", 3000)),
        ("[::1]:3000", None, ("::1", 3000)),
        ("::1", 2000, ("::1", 2000)),
        ("host", 8883, ("host", 8883)),
    ],
)
def test_a_port_in_a_brokers_address_goes_before_the_field(
    broker: str, port: int | None, found: tuple[str, int]
) -> None:
    server = mqtt(broker=broker, port=port)
    assert (server.host, server.port) == found
    assert (server.tls is not None) == (server.port == 8883)


@pytest.mark.parametrize("broker", ["mqtts://host", "host:port", "host:0", "host:70000", "[::1", "a:b@host"])
def test_what_is_no_address_of_a_broker_is_told(broker: str) -> None:
    with pytest.raises(TaskFailed) as failure:
        mqtt(broker=broker)
    assert failure.value.reason is Reason.CONNECT_FAILED


def test_the_connection_of_mqtt_goes_before_the_task_field_by_field() -> None:
    config = MqttConfig(broker="there", password="p", tls=True).given()
    server = mqtt(config, broker="here", username="u", password="q", client_id="me")
    assert (server.host, server.port) == ("there", 8883)
    assert (server.username, server.password) == ("u", "p")
    assert (server.client_id, server.is_known) == ("me", True)


def test_a_client_of_mqtt_without_a_name_has_one_that_every_broker_takes() -> None:
    server = mqtt(broker="host")
    assert len(server.client_id) == 23
    assert not server.is_known

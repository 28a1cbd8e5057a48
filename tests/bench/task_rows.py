"""Which tasks `make bench` measures, and against which servers: a new type of task is one more row."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aio_pika
import aiokafka
import aiomqtt
import redis.asyncio
from anyio.from_thread import start_blocking_portal

from tests.bench.world import World
from tests.services import ftpd, mosquitto, nats
from tests.services.docker_api import DockerApi, docker_api
from tests.services.ftpd import ftp_server
from tests.services.grpc_server import grpc_server
from tests.services.kafka import kafka_server
from tests.services.mariadb import mariadb_server
from tests.services.mcp import mcp_server
from tests.services.mosquitto import mosquitto_server
from tests.services.nats import nats_server
from tests.services.rabbitmq import rabbitmq_server
from tests.services.redis import redis_server
from tests.services.s3 import BUCKET, s3_server
from tests.services.sshd import ssh_server

Json = dict[str, Any]
Start = Callable[[], AbstractContextManager[Any]]
#: Puts there what so many executions will take.
Fill = Callable[[Any, World, int], Awaitable[None]]

#: A file of a few kilobytes.
_SMALL_FILE = __file__


@dataclass(frozen=True)
class Row:
    """What is measured, made from what `server` gives, if there is one, and the world."""

    #: The type, and what of it.
    what: str
    task: Callable[[Any, World], Json]
    server: Start | None = None
    #: Its type and configuration.
    connection: Callable[[Any, World], tuple[str, Json]] | None = None
    fill: Fill | None = None
    #: What its agent has in its environment besides.
    settings: Callable[[Any], dict[str, str]] | None = None


def _mcp() -> AbstractContextManager[Any]:
    return mcp_server(json_response=True)


@contextmanager
def _engine() -> Iterator[DockerApi]:
    """Answers as Docker does, and builds nothing: what is measured is the agent's part."""
    with (
        TemporaryDirectory() as directory,
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(docker_api(Path(directory))) as engine,
    ):
        yield engine


async def _store_dockerfile(_: Any, world: World, _count: int) -> None:
    code = "FROM alpine\nCMD echo hello\n"
    await world.call("PUT", "/api/scripts/bench-image", {"code": code, "script_type": "dockerfile"})


async def _fill_list(server: Any, _world: World, count: int) -> None:
    async with redis.asyncio.from_url(server.login_url) as client:
        await client.rpush("bench", *["message"] * count)


async def _fill_queue(server: Any, _world: World, count: int) -> None:
    async with await aio_pika.connect(server.url) as connection, connection.channel() as channel:
        await channel.declare_queue("bench-taken")
        for _ in range(count):
            await channel.default_exchange.publish(aio_pika.Message(b"message"), "bench-taken")


async def _declare_queue(server: Any, _world: World, _count: int) -> None:
    async with await aio_pika.connect(server.url) as connection, connection.channel() as channel:
        await channel.declare_queue("bench")


async def _retain(server: Any, _world: World, _count: int) -> None:
    client = aiomqtt.Client("127.0.0.1", server.port, username=mosquitto.USER, password=mosquitto.PASSWORD)
    async with client:
        await client.publish("bench/kept", b"message", retain=True)


async def _fill_topic(server: Any, _world: World, _count: int) -> None:
    async with aiokafka.AIOKafkaProducer(bootstrap_servers=server.broker) as producer:
        await producer.send_and_wait("bench-kept", b"message")


async def _store_script(_: Any, world: World, _count: int) -> None:
    await world.call("PUT", "/api/scripts/bench", {"code": "print(1 + 1)\n"})


def _mqtt(server: Any, _world: World) -> tuple[str, Json]:
    login = {"username": mosquitto.USER, "password": mosquitto.PASSWORD}
    return "mqtt", {"broker": "127.0.0.1", "port": server.port, **login}


def _nats(server: Any, _world: World) -> tuple[str, Json]:
    return "nats", {"url": server.url, "username": nats.USER, "password": nats.PASSWORD}


def _ftp(server: Any, _world: World) -> tuple[str, Json]:
    login = {"username": ftpd.USER, "password": ftpd.PASSWORD}
    return "ftp", {"host": "127.0.0.1", "port": server.port, **login}


def _ssh(server: Any, _world: World) -> tuple[str, Json]:
    login = {"username": server.username, "private_key": server.private_key}
    return "ssh", {"host": "127.0.0.1", "port": server.port, "known_hosts": server.known_hosts, **login}


def _s3(server: Any, _world: World) -> tuple[str, Json]:
    keys = {"access_key": server.access_key, "secret_key": server.secret_key}
    return "s3", {"endpoint": server.endpoint, "bucket": BUCKET, "region": "us-east-1", **keys}


def _upload(protocol: str, remote_path: str) -> Json:
    return {
        "protocol": protocol,
        "direction": "upload",
        "local_path": _SMALL_FILE,
        "remote_path": remote_path,
    }


ROWS = (
    Row("noop", lambda _s, _w: {}),
    Row("shell: true", lambda _s, _w: {"command": "true"}),
    Row("http: GET", lambda _s, w: {"method": "get", "url": f"{w.url}/api/health"}),
    Row("mcp: a tool", lambda s, _w: {"server_url": s.url, "tool": "greet", "arguments": {"name": "x"}}, _mcp),
    Row("script: print", lambda _s, _w: {"script_name": "bench"}, fill=_store_script),
    Row("file_push", lambda _s, w: {"filename": "pushed", "destination": f"{w.directory}/", "overwrite": True,
        "content_base64": "aGVsbG8="}),
    Row("sql: postgres", lambda _s, _w: {"driver": "postgres", "query": "SELECT 1 AS one"}, None,
        lambda _s, w: ("postgres", {"connection_string": w.dsn})),
    Row("sql: mysql", lambda _s, _w: {"driver": "mysql", "query": "SELECT 1 AS one"}, mariadb_server,
        lambda s, _w: ("mysql", {"connection_string": s.url})),
    Row("sql: sqlite", lambda _s, w: {"driver": "sqlite", "query": "SELECT 1 AS one",
        "connection_string": f"sqlite:///{w.directory}/bench.sqlite?mode=rwc"}),
    Row("redis: publish", lambda s, _w: {"url": s.login_url, "channel": "bench", "message": "m"}, redis_server),
    Row("redis_read: lpop", lambda s, _w: {"url": s.login_url, "key": "bench", "mode": "lpop"}, redis_server,
        fill=_fill_list),
    Row("mqtt: QoS 1", lambda _s, _w: {"topic": "bench", "message": "m", "qos": 1}, mosquitto_server, _mqtt),
    Row("mqtt_subscribe: a kept one", lambda _s, _w: {"topic": "bench/kept", "max_messages": 1}, mosquitto_server,
        _mqtt, _retain),
    Row("rabbitmq", lambda s, _w: {"url": s.url, "exchange": "", "routing_key": "bench", "message": "m"},
        rabbitmq_server, fill=_declare_queue),
    Row("rabbitmq_consume: one", lambda s, _w: {"url": s.url, "queue": "bench-taken", "max_messages": 1},
        rabbitmq_server, fill=_fill_queue),
    Row("nats", lambda _s, _w: {"subject": "bench", "message": "m"}, nats_server, _nats),
    Row("kafka", lambda s, _w: {"broker": s.broker, "topic": "bench", "message": "m"}, kafka_server),
    Row("kafka_consume: one", lambda s, _w: {"broker": s.broker, "topic": "bench-kept", "offset": "earliest",
        "max_messages": 1}, kafka_server, fill=_fill_topic),
    Row("ftp: upload", lambda _s, _w: _upload("ftp", "/bench"), ftp_server, _ftp),
    Row("ftp: upload by sftp", lambda _s, w: _upload("sftp", f"{w.directory}/uploaded"), ssh_server, _ssh),
    Row("s3: upload", lambda _s, _w: {"direction": "upload", "key": "bench", "local_path": _SMALL_FILE}, s3_server,
        _s3),
    Row("grpc: a unary call", lambda s, _w: {"host": s.address, "method": "shop.Orders/Echo", "body": {"name": "x"}},
        grpc_server),
    Row("docker_build", lambda _s, _w: {"script_name": "bench-image"}, _engine, fill=_store_dockerfile,
        settings=lambda s: {"TOCSIN_AGENT_DOCKER_SOCKET": str(s.socket)}),
    Row("ssh: true", lambda _s, _w: {"command": "true"}, ssh_server, _ssh),
)  # fmt: skip

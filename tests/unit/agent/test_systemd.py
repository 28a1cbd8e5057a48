"""What systemd hears, over a real socket such as it makes."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tocsin_agent.systemd import feed_watchdog, notify, watchdog_secs


@contextmanager
def bound(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(5)
        yield systemd


@pytest.fixture(autouse=True)
def no_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with bound(str(tmp_path / "notify")) as listening:
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def test_readiness_arrives(systemd: socket.socket) -> None:
    notify("READY=1\nSTATUS=Registered")
    assert systemd.recv(1000) == b"READY=1\nSTATUS=Registered"


def test_an_abstract_socket_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"tocsin-test-{os.getpid()}"
    with bound(f"\0{name}") as systemd:
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("STOPPING=1")
        assert systemd.recv(1000) == b"STOPPING=1"


def test_without_systemd_nothing_happens() -> None:
    notify("READY=1")


def test_a_systemd_that_is_gone_is_no_reason_to_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify("READY=1")


async def test_the_watchdog_is_fed_twice_a_period(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    feeding = asyncio.create_task(feed_watchdog())
    loop = asyncio.get_running_loop()
    systemd.setblocking(False)
    async with asyncio.timeout(5):
        first = await loop.sock_recv(systemd, 1000)
        begun = loop.time()
        others = [await loop.sock_recv(systemd, 1000) for _ in range(4)]
    assert [first, *others] == [b"WATCHDOG=1"] * 5
    assert 0.15 < loop.time() - begun < 1
    feeding.cancel()


async def test_without_a_watchdog_none_is_fed(systemd: socket.socket) -> None:
    feeding = asyncio.create_task(feed_watchdog())
    await asyncio.sleep(0)
    systemd.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.recv(1000)
    assert not feeding.done()
    feeding.cancel()


@pytest.mark.parametrize(
    ("usec", "pid", "secs"),
    [
        ("", "", None),
        ("30000000", "", 30.0),
        ("30000000", str(os.getpid()), 30.0),
        ("30000000", "1", None),
        ("x", "", None),
    ],
    ids=["none", "anybody", "this process", "another process", "nonsense"],
)
def test_the_period_is_what_systemd_says_to_this_process(
    monkeypatch: pytest.MonkeyPatch, usec: str, pid: str, secs: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.setenv("WATCHDOG_PID", pid)
    assert watchdog_secs() == secs

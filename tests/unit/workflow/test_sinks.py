"""Results are handed to real sockets and real files, and to nothing that was not opened."""

import asyncio
import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from tests.net import free_port
from tests.services.fluentd import fluentd

from tocsin_controller.workflow.couriers import NotSent
from tocsin_controller.workflow.sinks import outlets
from tocsin_controller.workflow.sinks.addresses import FluentAddress, SyslogAddress
from tocsin_controller.workflow.sinks.outlets import Outlets
from tocsin_controller.workflow.sinks.printed import Printed
from tocsin_controller.workflow.sinks.threads import Threads
from tocsin_shared.logs import configure_logging
from tocsin_shared.output_rules import Sink, SinkType

WHEN = datetime(2026, 5, 1, 12, tzinfo=UTC)
PRINTED = Printed("back up/..", "e-1", "r-1", "web-1", "succeeded", 0, 1, WHEN, WHEN, "one\ntwö\n".encode())


def to_file(directory: Path) -> Sink:
    return Sink(type=SinkType.FILE, directory=str(directory))


async def test_each_line_is_a_message_to_syslog_over_udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(30)
        opened = Outlets(syslog=SyslogAddress.parse(f"udp://127.0.0.1:{receiver.getsockname()[1]}"))
        assert await opened.hand_over(Sink(type=SinkType.SYSLOG), PRINTED) is None
        lines = [receiver.recv(2_000).decode() for _ in range(2)]
    assert [line.split(" - - - ")[1] for line in lines] == [
        "job=back up/.. execution=e-1 status=succeeded one",
        "job=back up/.. execution=e-1 status=succeeded twö",
    ]
    assert lines[0].startswith("<14>1 ")


async def test_an_event_counts_once_it_is_acknowledged() -> None:
    async with fluentd() as good, fluentd(acknowledges=False) as mute:
        address = FluentAddress.parse(f"tcp://127.0.0.1:{good.port}/jobs.app")
        assert (
            await Outlets(fluent=address).hand_over(Sink(type=SinkType.FLUENT), PRINTED)
            == "fluent (jobs.app)"
        )
        ((tag, when, record),) = good.events
        assert (tag, when, record["output"]) == ("jobs.app", int(WHEN.timestamp()), PRINTED.output)
        assert (record["success"], record["exit_code"], record["node_name"]) == (True, 0, "web-1")
        for port in (mute.port, free_port()):
            address = FluentAddress.parse(f"tcp://127.0.0.1:{port}")
            with pytest.raises(NotSent, match="fluent") as refused:
                await Outlets(fluent=address).hand_over(Sink(type=SinkType.FLUENT), PRINTED)
            assert not refused.value.is_final


async def test_a_receiver_that_never_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlets, "LONGEST_SECS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = FluentAddress.parse(f"tcp://127.0.0.1:{deaf.getsockname()[1]}")
        more_than_buffers_take = replace(PRINTED, raw=b"x" * 30_000_000)
        async with asyncio.timeout(30):
            with pytest.raises(NotSent, match="fluent: it did not take it"):
                await Outlets(fluent=address).hand_over(Sink(type=SinkType.FLUENT), more_than_buffers_take)


async def test_what_syslog_takes_too_slowly_is_not_sent_on_behind_everybodys_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long = replace(PRINTED, raw=b"line\n" * 2_000)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "log"))
        receiver.settimeout(30)
        address = SyslogAddress.parse(str(tmp_path / "log"))
        opened = Outlets(syslog=address, syslog_threads=Threads("one", 1))
        with monkeypatch.context() as hurried:
            hurried.setattr(outlets, "LONGEST_SECS", 0.2)
            with pytest.raises(NotSent, match="syslog: it did not take it"):
                await opened.hand_over(Sink(type=SinkType.SYSLOG), long)
        sending = asyncio.create_task(opened.hand_over(Sink(type=SinkType.SYSLOG), PRINTED))
        received = 0
        while not (await asyncio.to_thread(receiver.recv, 2_000)).endswith("twö".encode()):
            received += 1
        await sending
    assert received < 2_000


async def test_who_waits_for_a_thread_in_vain_leaves_nothing_behind() -> None:
    threads, go_on, called = Threads("few", 1), threading.Event(), list[int]()

    def hang(number: int) -> None:
        called.append(number)
        go_on.wait(30)

    try:
        for number in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await threads.run(hang, number)
    finally:
        go_on.set()
    assert await threads.run(sum, [1, 2]) == 3
    assert called == [0]


async def test_the_log_gets_all_of_it_or_says_that_it_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    printed = replace(PRINTED, raw=b"".join(b"%06d " % number for number in range(1_000)))
    to_log = Sink(type=SinkType.LOG)
    configure_logging("json", "info")
    assert await Outlets(log=True).hand_over(to_log, printed) is None
    lines = [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert "".join(line["output"] for line in lines) == printed.output
    configure_logging("json", "warning")
    with pytest.raises(NotSent, match="log_level") as refused:
        await Outlets(log=True).hand_over(to_log, printed)
    assert refused.value.is_final
    assert capsys.readouterr().err == ""


async def test_files_are_whole_and_stay_where_the_operator_allowed_them(tmp_path: Path) -> None:
    allowed, other = tmp_path / "allowed", tmp_path / "other"
    (allowed / "below").mkdir(parents=True)
    other.mkdir()
    (allowed / "link").symlink_to(other)
    opened = Outlets(directories=(allowed,))
    for directory in (allowed, allowed / "below", allowed / "below"):
        where = await opened.hand_over(to_file(directory), PRINTED)
        assert where == f"{socket.gethostname()}:{directory}/back_up_.._e-1.log"
        assert (directory / "back_up_.._e-1.log").read_text() == PRINTED.output
    for directory in (other, allowed / "link", allowed / ".." / "other", Path("/")):
        with pytest.raises(NotSent, match="output_directories") as refused:
            await opened.hand_over(to_file(directory), PRINTED)
        assert refused.value.is_final
    with pytest.raises(NotSent, match="No such file"):
        await opened.hand_over(to_file(allowed / "missing"), PRINTED)
    assert list(other.iterdir()) == []
    assert sorted(path.name for path in allowed.iterdir()) == ["back_up_.._e-1.log", "below", "link"]


async def test_what_a_controller_left_that_died_while_it_wrote_is_removed(tmp_path: Path) -> None:
    name = Path(
        str(await Outlets(directories=(tmp_path,)).hand_over(to_file(tmp_path), PRINTED)).partition(":")[2]
    ).name
    left = [tmp_path / f".{name}.{number}.part" for number in range(3)]
    for one in left:
        one.write_bytes(b"half")
    await Outlets(directories=(tmp_path,)).hand_over(to_file(tmp_path), PRINTED)
    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == PRINTED.raw


@pytest.mark.parametrize("sink", [SinkType.LOG, SinkType.SYSLOG, SinkType.FLUENT])
async def test_what_was_not_opened_gets_nothing(sink: SinkType) -> None:
    with pytest.raises(NotSent, match=f"output_{sink}") as refused:
        await Outlets().hand_over(Sink(type=sink), PRINTED)
    assert refused.value.is_final


@pytest.mark.parametrize("text", ["udp://", "tcp://h:1", "udp://h/path", "log", "udp://u@h"])
def test_addresses_of_syslog_are_read_strictly(text: str) -> None:
    with pytest.raises(ValueError, match="udp"):
        SyslogAddress.parse(text)


@pytest.mark.parametrize("text", ["h:24224", "tcp://", "udp://h:1", "tcp://h/a/b", "tcp://u@h"])
def test_addresses_of_fluentd_are_read_strictly(text: str) -> None:
    with pytest.raises(ValueError, match="tcp"):
        FluentAddress.parse(text)

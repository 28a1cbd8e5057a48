"""The journal: what was committed is there after any end of the process, and settled work leaves nothing."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from tocsin_agent.clock import Moment
from tocsin_agent.journal import journal as journal_module
from tocsin_agent.journal.framing import frame, frames, scan
from tocsin_agent.journal.inspect import Unsettled, unsettled
from tocsin_agent.journal.journal import Entry, Journal
from tocsin_agent.journal.log import ControlLog, JournalError
from tocsin_agent.journal.quarantine import MAX_PIECE_BYTES, MAX_PIECES, Quarantine
from tocsin_agent.journal.records import Intent, ProcessMark, Record, Result, Started, decode, encode
from tocsin_shared.executions import ExecutionStatus, Stream
from tocsin_shared.ids import new_id

NOW = Moment.now()


def intent(execution_id: UUID | None = None, fence: int = 1) -> Intent:
    return Intent(execution_id or new_id(), fence, "backup", "shell", NOW)


def started(of: Intent) -> Started:
    return Started(of.execution_id, NOW, ProcessMark(4711, 12.5, "boot"))


def result(of: Intent, seq: int = 2) -> Result:
    return Result(of.execution_id, seq, ExecutionStatus.SUCCEEDED, NOW, exit_code=0)


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[Journal]:
    """A journal that writes, until the end of the block."""
    journal = Journal(directory)
    writer = asyncio.create_task(journal.run())
    try:
        yield journal
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        journal.close()


async def accept(journal: Journal, *intents: Intent) -> None:
    await journal.commit(intents)
    for one in intents:
        journal.entries[one.execution_id] = Entry(one)


async def written_off(journal: Journal) -> None:
    """Return once everything handed to the journal before is on disk."""
    await journal.commit([])


def records(directory: Path) -> list[Record]:
    return [decode(payload) for payload in scan((directory / "control.log").read_bytes()).payloads]


class Appends:
    """Counts what reaches the file, and can hold it up; everything else is the real thing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, gate: Callable[[], None] = lambda: None) -> None:
        self.batches: list[tuple[int, bool]] = []
        append = ControlLog.append

        def counting(log: ControlLog, data: bytes, *, durable: bool) -> None:
            gate()
            self.batches.append((len(scan(data).payloads), durable))
            append(log, data, durable=durable)

        monkeypatch.setattr(ControlLog, "append", counting)


async def test_commits_of_the_same_moment_share_one_append(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appends = Appends(monkeypatch)
    async with opened(tmp_path) as journal:
        await asyncio.gather(*(journal.commit([intent()]) for _ in range(50)))
    assert appends.batches == [(50, True)]


async def test_what_comes_while_the_disk_works_goes_out_together_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    busy, may_go_on = threading.Event(), threading.Event()

    def gate() -> None:
        busy.set()
        assert may_go_on.wait(10)

    appends = Appends(monkeypatch, gate)
    async with opened(tmp_path) as journal:
        first = asyncio.create_task(journal.commit([intent()]))
        await asyncio.to_thread(busy.wait, 10)
        rest = [asyncio.create_task(journal.commit([intent()], durable=False)) for _ in range(9)]
        await asyncio.sleep(0)
        assert not first.done()
        may_go_on.set()
        await asyncio.gather(first, *rest)
    assert appends.batches == [(1, True), (9, False)]


async def test_one_durable_commit_makes_its_whole_batch_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appends = Appends(monkeypatch)
    async with opened(tmp_path) as journal:
        await asyncio.gather(
            journal.commit([intent()], durable=False),
            journal.commit([intent()]),
            journal.commit([intent()], durable=False),
        )
    assert appends.batches == [(3, True)]


async def test_a_committed_record_is_on_disk_when_commit_returns(tmp_path: Path) -> None:
    one = intent()
    async with opened(tmp_path) as journal:
        await journal.commit([one])
        assert records(tmp_path) == [one]


async def test_what_was_written_is_known_after_a_restart(tmp_path: Path) -> None:
    accepted, running, ended = intent(), intent(), intent()
    async with opened(tmp_path) as journal:
        await accept(journal, accepted, running, ended)
        await journal.commit([started(running), started(ended)])
        journal.keep_output(ended.execution_id, Stream.STDOUT, 0, b"hello")
        await journal.commit([result(ended, seq=3)])
    async with opened(tmp_path) as again:
        assert list(again.entries) == [accepted.execution_id, running.execution_id, ended.execution_id]
        assert again.entries[accepted.execution_id].started is None
        assert again.entries[running.execution_id].started == started(running)
        entry = again.entries[ended.execution_id]
        assert (entry.result, entry.seq) == (result(ended, seq=3), 3)
        assert entry.spool is not None
        assert [chunk.data for chunk in entry.spool.undelivered(1000)] == [b"hello"]


async def test_numbers_go_on_after_the_newest_output(tmp_path: Path) -> None:
    one = intent()
    async with opened(tmp_path) as journal:
        await accept(journal, one)
        for at in range(2, 8):
            journal.keep_output(one.execution_id, Stream.STDERR, at, b"x")
    async with opened(tmp_path) as again:
        assert again.entries[one.execution_id].seq == 7


async def test_a_second_intent_only_brings_a_newer_fence(tmp_path: Path) -> None:
    one = intent()
    async with opened(tmp_path) as journal:
        await accept(journal, one)
        await journal.commit([started(one), intent(one.execution_id, fence=5)])
    async with opened(tmp_path) as again:
        entry = again.entries[one.execution_id]
        assert (entry.intent.fence, entry.started) == (5, started(one))


async def test_settled_work_is_gone_with_its_output(tmp_path: Path) -> None:
    settled, open_ = intent(), intent()
    async with opened(tmp_path) as journal:
        await accept(journal, settled, open_)
        for one in (settled, open_):
            journal.keep_output(one.execution_id, Stream.STDOUT, 0, b"x")
        journal.settle([settled.execution_id])
        assert [file.stem for file in (tmp_path / "output").iterdir()] == [str(open_.execution_id)]
        await written_off(journal)
    async with opened(tmp_path) as again:
        assert list(again.entries) == [open_.execution_id]


async def test_settling_the_unknown_does_no_harm(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        journal.settle([new_id()])
        await written_off(journal)
        assert journal.entries == {}


async def test_output_that_nobody_owns_is_removed_at_the_start(tmp_path: Path) -> None:
    async with opened(tmp_path):
        (tmp_path / "output" / f"{new_id()}.out").write_bytes(b"left behind")
    async with opened(tmp_path):
        assert list((tmp_path / "output").iterdir()) == []


async def test_a_torn_tail_is_cut_and_writing_goes_on(tmp_path: Path) -> None:
    first, second = intent(), intent()
    async with opened(tmp_path) as journal:
        await journal.commit([first])
    log_file = tmp_path / "control.log"
    whole = log_file.read_bytes()
    torn = frame(encode(intent()))[:-3]
    log_file.write_bytes(whole + torn)
    async with opened(tmp_path) as again:
        assert list(again.entries) == [first.execution_id]
        assert log_file.read_bytes() == whole
        await again.commit([second])
    assert records(tmp_path) == [first, second]
    (piece,) = (tmp_path / "quarantine").iterdir()
    assert piece.read_bytes() == torn


async def test_a_flipped_byte_costs_its_record_only_which_is_quarantined(tmp_path: Path) -> None:
    many = [intent() for _ in range(3)]
    async with opened(tmp_path) as journal:
        await journal.commit(many)
    log_file = tmp_path / "control.log"
    content = bytearray(log_file.read_bytes())
    content[len(frame(encode(many[0]))) + 30] ^= 0x10
    log_file.write_bytes(content)
    async with opened(tmp_path) as again:
        assert list(again.entries) == [many[0].execution_id, many[2].execution_id]
    (piece,) = (tmp_path / "quarantine").iterdir()
    assert frame(encode(many[1]))[:20] == piece.read_bytes()[:20]
    assert len(piece.read_bytes()) == len(frame(encode(many[1])))


async def test_the_same_damage_is_quarantined_once_however_often_it_is_found(tmp_path: Path) -> None:
    async with opened(tmp_path) as journal:
        await journal.commit([intent()])
    log_file = tmp_path / "control.log"
    log_file.write_bytes(b"damage" + log_file.read_bytes())
    for _ in range(3):
        async with opened(tmp_path) as journal:
            assert journal.quarantine.count == 1


def test_the_quarantine_is_bounded(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "quarantine")
    for number in range(MAX_PIECES + 5):
        quarantine.keep("x", str(number).encode(), what="a test")
    assert quarantine.count == MAX_PIECES
    quarantine.keep("large", bytes(MAX_PIECE_BYTES + 1), what="a test")
    assert max(file.stat().st_size for file in (tmp_path / "quarantine").iterdir()) == MAX_PIECE_BYTES


async def test_a_whole_record_of_a_kind_not_known_here_is_skipped(tmp_path: Path) -> None:
    one = intent()
    async with opened(tmp_path):
        pass
    (tmp_path / "control.log").write_bytes(frames([b'["from the future",{}]', encode(one), b"not json"]))
    async with opened(tmp_path) as journal:
        assert list(journal.entries) == [one.execution_id]


async def test_a_long_log_is_rewritten_with_what_is_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "REWRITE_BYTES", 20_000)
    live = intent()
    async with opened(tmp_path) as journal:
        await accept(journal, live)
        journal.entries[live.execution_id].started = started(live)
        await journal.commit([started(live)])
        longest = 0
        for _ in range(300):
            passing = intent()
            await accept(journal, passing)
            journal.settle([passing.execution_id])
            longest = max(longest, (tmp_path / "control.log").stat().st_size)
        await written_off(journal)
        assert longest < 25_000
    async with opened(tmp_path) as again:
        assert list(again.entries) == [live.execution_id]
        assert again.entries[live.execution_id].started == started(live)
    assert not (tmp_path / "control.log.new").exists()


async def test_what_is_committed_before_its_caller_made_the_entry_survives_a_rewrite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rewrite comes right after the batch that made the log too long: its own records must stay."""
    monkeypatch.setattr(journal_module, "REWRITE_BYTES", 1)
    one = intent()
    async with opened(tmp_path) as journal:
        await accept(journal, one)
        await written_off(journal)
    async with opened(tmp_path) as again:
        assert list(again.entries) == [one.execution_id]


def test_what_is_appended_during_a_rewrite_is_kept(tmp_path: Path) -> None:
    log, _ = ControlLog.open(tmp_path / "control.log", Quarantine(tmp_path / "quarantine"))
    log.append(frames([b"old", b"live"]), durable=True)
    log.begin_rewrite()
    log.append(frame(b"late"), durable=True)
    log.rewrite(frame(b"live"))
    log.append(frame(b"after"), durable=True)
    log.close()
    again, payloads = ControlLog.open(tmp_path / "control.log", Quarantine(tmp_path / "quarantine"))
    assert payloads == [b"live", b"late", b"after"]
    again.close()


def full_after(count: int) -> Callable[[int, bytes], None]:
    """A disk that takes so many bytes and then no more."""

    def write_all(fd: int, content: bytes) -> None:
        os.write(fd, content[:count])
        raise OSError(28, "No space left on device")

    return write_all


async def test_a_full_disk_is_told_to_the_caller_and_leaves_no_half_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, refused, after = intent(), intent(), intent()
    async with opened(tmp_path) as journal:
        await journal.commit([before])
        with monkeypatch.context() as broken:
            broken.setattr("tocsin_agent.journal.log.write_all", full_after(11))
            with pytest.raises(JournalError, match="No space left"):
                await journal.commit([refused])
        await journal.commit([after])
    assert records(tmp_path) == [before, after]
    assert scan((tmp_path / "control.log").read_bytes()).damaged == []


async def test_a_rewrite_that_fails_leaves_the_old_log_going(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "REWRITE_BYTES", 1)
    (tmp_path / "control.log.new").mkdir()
    many = [intent() for _ in range(3)]
    async with opened(tmp_path) as journal:
        for one in many:
            await accept(journal, one)
    assert records(tmp_path) == many


async def test_output_waiting_to_be_delivered_is_counted(tmp_path: Path) -> None:
    one = intent()
    async with opened(tmp_path) as journal:
        await accept(journal, one)
        assert journal.spooled_bytes() == 0
        assert journal.keep_output(one.execution_id, Stream.STDOUT, 0, b"x" * 1000)
        spool = journal.entries[one.execution_id].spool
        assert spool is not None
        assert journal.spooled_bytes() == spool.size
        spool.delivered = spool.size
        assert journal.spooled_bytes() == 0
        assert journal.free_bytes() > 0


async def test_somebody_else_sees_what_is_not_settled(tmp_path: Path) -> None:
    accepted, running, ended, settled = (intent() for _ in range(4))
    async with opened(tmp_path) as journal:
        await accept(journal, accepted, running, ended, settled)
        journal.keep_output(running.execution_id, Stream.STDOUT, 0, b"hello")
        size = journal.spooled_bytes()
        await journal.commit([started(running), started(ended), result(ended)])
        journal.settle([settled.execution_id])
        await written_off(journal)
        expected = [
            Unsettled(accepted.execution_id, "backup", "accepted", NOW),
            Unsettled(running.execution_id, "backup", "running", NOW, size),
            Unsettled(ended.execution_id, "backup", "ended", NOW),
        ]
        assert unsettled(tmp_path) == expected
        # And so does another process, while this one has the journal open.
        script = (
            "import sys, pathlib; from tocsin_agent.journal.inspect import unsettled\n"
            "for one in unsettled(pathlib.Path(sys.argv[1])): print(one.execution_id, one.state, one.spooled_bytes)"
        )
        seen = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", script, str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert seen.stdout.splitlines() == [f"{u.execution_id} {u.state} {u.spooled_bytes}" for u in expected]


def test_where_no_agent_has_run_nothing_is_unsettled(tmp_path: Path) -> None:
    assert unsettled(tmp_path) == []
    assert list(tmp_path.iterdir()) == []

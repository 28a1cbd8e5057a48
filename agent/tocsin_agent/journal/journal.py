"""The journal as the agent uses it: commit records, keep output, and know what is not settled yet."""

import asyncio
import errno
import shutil
from collections.abc import Callable, Container, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from tocsin_agent.journal.framing import frames
from tocsin_agent.journal.log import ControlLog, JournalError
from tocsin_agent.journal.quarantine import Quarantine
from tocsin_agent.journal.records import Gone, Intent, Record, Result, Started, decode, encode
from tocsin_agent.journal.reserve import Reserve
from tocsin_agent.journal.spool import OVERHEAD_BYTES, Spool
from tocsin_shared.executions import Stream
from tocsin_shared.logs import log

#: Below the journal's directory.
OUTPUT_DIR = "output"
#: The control log is rewritten with what is live once it is longer.
REWRITE_BYTES = 8 * 1024 * 1024
#: How large a journal may be if nobody says otherwise.
DEFAULT_MAX_BYTES = 1024 * 1024 * 1024
#: So many settled executions are remembered, so that one handed out again is not started again (G2).
REMEMBERED = 10_000
#: What is settled is written with something else, or after this time.
SETTLE_WITHIN_SECS = 1.0
#: While the disk refuses what is written, it is asked again this often.
PROBE_EVERY_SECS = 2.0


@dataclass(slots=True)
class Entry:
    """One execution that is not settled with the controller."""

    intent: Intent
    started: Started | None = None
    result: Result | None = None
    spool: Spool | None = None
    #: The newest sequence number used; 1 belongs to the start.
    seq: int = 1
    is_start_delivered: bool = False
    #: Streams of which something was not kept because there was no room.
    cut: set[Stream] = field(default_factory=set)

    @property
    def records(self) -> list[Record]:
        """What a rewritten log keeps of it."""
        return [r for r in (self.intent, self.started, self.result) if r is not None]


@dataclass(slots=True)
class _Commit:
    data: bytes
    durable: bool
    #: Results: they may use the reserve.
    is_vital: bool
    spools: Sequence[Spool]
    done: asyncio.Future[None]


class Journal:
    """One directory. Commits of concurrent callers share one write and one fsync. Raises OSError when made."""

    def __init__(
        self,
        directory: Path,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        being_written: Container[UUID] = frozenset(),
    ) -> None:
        self._directory = directory
        #: Output is cut once the journal is this large; results never are.
        self.max_bytes = max_bytes
        #: Where keepers put the output of their processes, and how they ended.
        self.output_dir = directory / OUTPUT_DIR
        self.output_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.quarantine = Quarantine(directory / "quarantine")
        self.reserve = Reserve(directory / "reserve")
        #: Told whenever it has become smaller and is below that.
        self.on_room: Callable[[], None] = lambda: None
        #: Whether the disk refused what was written last.
        self.is_failing = False
        self._output_bytes = 0
        self._log, payloads = ControlLog.open(directory / "control.log", self.quarantine)
        self.entries: dict[UUID, Entry] = {}
        self._settled: dict[UUID, None] = {}
        self._rewrite_at = REWRITE_BYTES
        self._waiting: list[_Commit] = []
        self._has_waiting = asyncio.Event()
        self._replay(payloads, being_written)

    async def run(self) -> None:
        """Write what is committed, until cancelled."""
        while True:
            await self._wait_for_work()
            self._has_waiting.clear()
            batch, self._waiting = self._waiting, []
            if not batch:
                continue
            written = await self._write_what_fits(batch)
            if self._log.size > self._rewrite_at:
                await self._rewrite(written)
                self._rewrite_at = max(REWRITE_BYTES, 2 * self._log.size)

    async def commit(
        self, records: Sequence[Record], *, durable: bool = True, spools: Sequence[Spool] = ()
    ) -> None:
        """Write records; with `durable` they and the given spools survive a power cut. Raises JournalError."""
        done = asyncio.get_running_loop().create_future()
        is_vital = any(isinstance(record, Result) for record in records)
        self._submit(_Commit(frames(map(encode, records)), durable, is_vital, spools, done))
        await done
        for spool in spools:
            spool.rest()

    def was_settled(self, execution_id: UUID) -> bool:
        """Whether this execution ran here before and is settled since."""
        return execution_id in self._settled

    def keep_output(self, execution_id: UUID, stream: Stream, offset: int, data: bytes) -> bool:
        """Take output of an execution. What there is no room for is left out, and the result will say so."""
        entry = self.entries[execution_id]
        try:
            if self.size_bytes + len(data) + OVERHEAD_BYTES > self.max_bytes:
                raise OSError(errno.EDQUOT, "the journal is full")
            if entry.spool is None:
                entry.spool = Spool(self.output_dir / f"{execution_id}.out")
            before = entry.spool.size
            entry.spool.append(entry.seq + 1, stream, offset, data)
        except OSError as error:
            if stream not in entry.cut:
                log.error(
                    "output_not_kept",
                    execution_id=str(execution_id),
                    stream=stream.value,
                    error=error.strerror,
                )
            entry.cut.add(stream)
            return False
        entry.seq += 1
        self._output_bytes += entry.spool.size - before
        return True

    def output_grew(self, execution_id: UUID, size: int, newest_seq: int) -> None:
        """A keeper has appended to an execution's output."""
        entry = self.entries[execution_id]
        if entry.spool is None:
            entry.spool = Spool(self.output_dir / f"{execution_id}.out")
            entry.spool.size = 0  # the file may hold half of what the keeper tells of next
        before = entry.spool.size
        entry.spool.grow(size)
        entry.seq = max(entry.seq, newest_seq)
        self._output_bytes += entry.spool.size - before

    def settle(self, execution_ids: Sequence[UUID]) -> None:
        """The controller knows all of these: forget them. Losing this record only repeats a delivery."""
        for execution_id in execution_ids:
            entry = self.entries.pop(execution_id, None)
            if entry is not None and entry.spool is not None:
                self._output_bytes -= entry.spool.size
                entry.spool.close(remove=True)
        self._tell_of_room()
        self._remember(execution_ids)
        nobody_waits = asyncio.get_running_loop().create_future()
        nobody_waits.add_done_callback(lambda done: done.exception())
        self._waiting.append(
            _Commit(frames([encode(Gone(tuple(execution_ids)))]), False, False, (), nobody_waits)
        )
        # A write of its own costs more than what it saves; the next commit usually takes it along.
        asyncio.get_running_loop().call_later(SETTLE_WITHIN_SECS, self._has_waiting.set)

    @property
    def size_bytes(self) -> int:
        """What the journal takes of its disk, but for the reserve and the quarantine."""
        return self._log.size + self._output_bytes

    def free_bytes(self) -> int:
        """Room left on the journal's disk; 0 when the disk does not even say."""
        try:
            return shutil.disk_usage(self._directory).free
        except OSError:
            return 0

    def oldest_secs(self) -> float:
        """For how long the oldest result has been waiting to be delivered."""
        return max((e.result.at.age_secs() for e in self.entries.values() if e.result), default=0.0)

    def spooled_bytes(self) -> int:
        """Output that waits to be delivered."""
        return sum(e.spool.size - e.spool.delivered for e in self.entries.values() if e.spool)

    def close(self) -> None:
        """Give up all files; nothing is removed."""
        for entry in self.entries.values():
            if entry.spool is not None:
                entry.spool.close(remove=False)
        self._log.close()

    def _tell_of_room(self) -> None:
        if self.size_bytes <= self.max_bytes:
            self.on_room()

    def _remember(self, execution_ids: Sequence[UUID]) -> None:
        self._settled.update(dict.fromkeys(execution_ids))
        while len(self._settled) > REMEMBERED:
            del self._settled[next(iter(self._settled))]

    async def _wait_for_work(self) -> None:
        """Until there is something to write; while the disk refuses, not for long: then it is asked again."""
        if not self.is_failing:
            await self._has_waiting.wait()
            return
        try:
            async with asyncio.timeout(PROBE_EVERY_SECS):
                await self._has_waiting.wait()
        except TimeoutError:
            probe = asyncio.get_running_loop().create_future()
            probe.add_done_callback(lambda done: done.exception())
            self._submit(_Commit(frames([encode(Gone(()))]), True, False, (), probe))

    async def _write_what_fits(self, batch: Sequence[_Commit]) -> Sequence[_Commit]:
        """Write these, or at least the results among them; what can't be written fails. Returns what was written."""
        try:
            await _to_the_end(asyncio.to_thread(self._write, batch))
        except JournalError as error:
            if not self.is_failing:
                log.error("journal_write_failed", error=str(error))
            self.is_failing = True
            vital = [commit for commit in batch if commit.is_vital]
            _fail([commit for commit in batch if not commit.is_vital], error)
            try:
                if vital:
                    self.reserve.release()
                    await _to_the_end(asyncio.to_thread(self._write, vital))
            except JournalError as still:
                _fail(vital, still)
                return ()
            batch = vital
        else:
            if self.is_failing:
                log.info("journal_writes_again")
            self.is_failing = False
            self.reserve.restore()
        for commit in batch:
            if not commit.done.done():
                commit.done.set_result(None)
        return batch

    def _submit(self, commit: _Commit) -> None:
        self._waiting.append(commit)
        self._has_waiting.set()

    def _write(self, batch: Sequence[_Commit]) -> None:
        try:
            for commit in batch:
                for spool in commit.spools:
                    spool.sync()
        except OSError as error:
            raise JournalError(f"output: {error.strerror}") from error
        self._log.append(b"".join(c.data for c in batch), durable=any(c.durable for c in batch))

    async def _rewrite(self, newest: Sequence[_Commit]) -> None:
        self._log.begin_rewrite()
        live = frames(encode(record) for entry in self.entries.values() for record in entry.records)
        live += frames([encode(Gone(tuple(self._settled)))])
        # Those who committed these have not run yet, so the entries need not show them. Repeating does no harm.
        live += b"".join(commit.data for commit in newest)
        try:
            await _to_the_end(asyncio.to_thread(self._log.rewrite, live))
            self._tell_of_room()
        except JournalError as error:
            log.warning("journal_rewrite_failed", error=str(error))

    def _replay(self, payloads: Sequence[bytes], being_written: Container[UUID]) -> None:
        for payload in payloads:
            try:
                self._apply(decode(payload))
            except ValueError as error:
                self.quarantine.keep("control.log", payload, what=f"a record that can't be read: {error}")
        for path in list(self.output_dir.iterdir()):
            name, _, kind = path.name.partition(".")
            try:
                execution_id = UUID(name)
            except ValueError:
                path.unlink(missing_ok=True)
                continue
            entry = self.entries.get(execution_id)
            if kind != "out":
                # How it ended is for whoever adopts it; the rest is a living keeper's, or nobody's.
                if execution_id not in being_written and (entry is None or kind != "end"):
                    path.unlink(missing_ok=True)
            elif entry is not None:
                self._recover_output(entry, path, is_written=execution_id in being_written)
            else:
                self.quarantine.move(path, what="output of an execution whose records are lost")
                self._remember([execution_id])

    def _recover_output(self, entry: Entry, path: Path, *, is_written: bool) -> None:
        try:
            entry.spool, newest = Spool.recover(path, self.quarantine, is_written=is_written)
        except OSError as error:
            self.quarantine.move(path, what=f"output that can't be read: {error.strerror}")
            entry.cut.update(Stream)
            return
        entry.seq = max(entry.seq, newest)
        self._output_bytes += entry.spool.size

    def _apply(self, record: Record) -> None:
        match record:
            case Intent(execution_id=execution_id):
                known = self.entries.get(execution_id)
                if known is None:
                    self.entries[execution_id] = Entry(record)
                else:
                    known.intent = record
            case Started(execution_id=execution_id):
                if (entry := self.entries.get(execution_id)) is not None:
                    entry.started = record
                else:
                    self._remember(
                        [execution_id]
                    )  # its intent is lost: whatever it was, it is not started again
            case Result(execution_id=execution_id):
                if execution_id not in self.entries and record.fence and execution_id not in self._settled:
                    self.entries[execution_id] = Entry(_intent_of(record))
                if (entry := self.entries.get(execution_id)) is not None:
                    entry.result = record
                    entry.seq = max(entry.seq, record.seq)
            case Gone(execution_ids=execution_ids):
                for execution_id in execution_ids:
                    self.entries.pop(execution_id, None)
                self._remember(execution_ids)


def _intent_of(result: Result) -> Intent:
    """What a result says of an intent whose own record is damaged."""
    return Intent(result.execution_id, result.fence, result.job_name, "", result.at)


def _fail(commits: Sequence[_Commit], error: JournalError) -> None:
    for commit in commits:
        if not commit.done.done():
            commit.done.set_exception(error)


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for a thread's work even when cancelled: its file must not be closed under it."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(JournalError):
            await task
        raise

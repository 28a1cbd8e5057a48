"""The journal as the agent uses it: commit records, keep output, and know what is not settled yet."""

import asyncio
import shutil
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from tocsin_agent.journal.framing import frames
from tocsin_agent.journal.log import ControlLog, JournalError
from tocsin_agent.journal.records import Gone, Intent, Record, Result, Started, decode, encode
from tocsin_agent.journal.spool import Spool

log = structlog.get_logger(__name__)

#: The control log is rewritten with what is live once it is longer.
REWRITE_BYTES = 8 * 1024 * 1024
#: So many settled executions are remembered, so that one handed out again is not started again (G2).
REMEMBERED = 10_000


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

    @property
    def records(self) -> list[Record]:
        """What a rewritten log keeps of it."""
        return [r for r in (self.intent, self.started, self.result) if r is not None]


@dataclass(slots=True)
class _Commit:
    data: bytes
    durable: bool
    spools: Sequence[Spool]
    done: asyncio.Future[None]


class Journal:
    """One directory. Commits of concurrent callers share one write and one fsync."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._output = directory / "output"
        self._output.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._log, payloads = ControlLog.open(directory / "control.log")
        self.entries: dict[UUID, Entry] = {}
        self._settled: dict[UUID, None] = {}
        self._rewrite_at = REWRITE_BYTES
        self._waiting: list[_Commit] = []
        self._has_waiting = asyncio.Event()
        self._replay(payloads)

    async def run(self) -> None:
        """Write what is committed, until cancelled."""
        while True:
            await self._has_waiting.wait()
            self._has_waiting.clear()
            batch, self._waiting = self._waiting, []
            try:
                await _to_the_end(asyncio.to_thread(self._write, batch))
            except JournalError as error:
                log.error("journal_write_failed", error=str(error))
                for commit in batch:
                    if not commit.done.done():
                        commit.done.set_exception(error)
                continue
            for commit in batch:
                if not commit.done.done():
                    commit.done.set_result(None)
            if self._log.size > self._rewrite_at:
                await self._rewrite(batch)
                self._rewrite_at = max(REWRITE_BYTES, 2 * self._log.size)

    async def commit(
        self, records: Sequence[Record], *, durable: bool = True, spools: Sequence[Spool] = ()
    ) -> None:
        """Write records; with `durable` they and the given spools survive a power cut. Raises JournalError."""
        done = asyncio.get_running_loop().create_future()
        self._submit(_Commit(frames(map(encode, records)), durable, spools, done))
        await done

    def was_settled(self, execution_id: UUID) -> bool:
        """Whether this execution ran here before and is settled since."""
        return execution_id in self._settled

    def spool_of(self, execution_id: UUID) -> Spool:
        """Where the execution's output goes. Raises OSError."""
        entry = self.entries[execution_id]
        if entry.spool is None:
            entry.spool = Spool(self._output / f"{execution_id}.out")
        return entry.spool

    def settle(self, execution_ids: Sequence[UUID]) -> None:
        """The controller knows all of these: forget them. Losing this record only repeats a delivery."""
        for execution_id in execution_ids:
            entry = self.entries.pop(execution_id, None)
            if entry is not None and entry.spool is not None:
                entry.spool.close(remove=True)
        self._remember(execution_ids)
        nobody_waits = asyncio.get_running_loop().create_future()
        nobody_waits.add_done_callback(lambda done: done.exception())
        self._submit(_Commit(frames([encode(Gone(tuple(execution_ids)))]), False, (), nobody_waits))

    def free_bytes(self) -> int:
        """Room left on the journal's disk."""
        return shutil.disk_usage(self._directory).free

    def spooled_bytes(self) -> int:
        """Output that waits to be delivered."""
        return sum(e.spool.size - e.spool.delivered for e in self.entries.values() if e.spool)

    def close(self) -> None:
        """Give up all files; nothing is removed."""
        for entry in self.entries.values():
            if entry.spool is not None:
                entry.spool.close(remove=False)
        self._log.close()

    def _remember(self, execution_ids: Sequence[UUID]) -> None:
        self._settled.update(dict.fromkeys(execution_ids))
        while len(self._settled) > REMEMBERED:
            del self._settled[next(iter(self._settled))]

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
        except JournalError as error:
            log.warning("journal_rewrite_failed", error=str(error))

    def _replay(self, payloads: Sequence[bytes]) -> None:
        skipped = 0
        for payload in payloads:
            try:
                self._apply(decode(payload))
            except ValueError:
                skipped += 1
        if skipped:
            log.warning("journal_records_skipped", count=skipped)
        live = {f"{execution_id}.out" for execution_id in self.entries}
        for file in self._output.iterdir():
            if file.name not in live:
                file.unlink(missing_ok=True)
        for execution_id, entry in self.entries.items():
            path = self._output / f"{execution_id}.out"
            if path.exists():
                entry.spool, newest = Spool.recover(path)
                entry.seq = max(entry.seq, newest)

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
            case Result(execution_id=execution_id):
                if (entry := self.entries.get(execution_id)) is not None:
                    entry.result = record
                    entry.seq = max(entry.seq, record.seq)
            case Gone(execution_ids=execution_ids):
                for execution_id in execution_ids:
                    self.entries.pop(execution_id, None)
                self._remember(execution_ids)


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for a thread's work even when cancelled: its file must not be closed under it."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(JournalError):
            await task
        raise

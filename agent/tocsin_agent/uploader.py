"""Delivers the journal to the controller: in order, in batches, for as long as it takes (G4)."""

import asyncio
import base64
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from tocsin_agent.clock import Moment
from tocsin_agent.contact import Contact
from tocsin_agent.files import write_atomically
from tocsin_agent.journal.journal import Entry, Journal
from tocsin_agent.journal.spool import Chunk
from tocsin_agent.link import ControllerLink, Refused, Unreachable
from tocsin_agent.retry import Backoff
from tocsin_shared.logs import log
from tocsin_shared.protocol import (
    LONGEST_SECS,
    MAX_EVENTS_PER_UPLOAD,
    AgentEvent,
    EventReceipt,
    EventsRequest,
    OutputEvent,
    Receipt,
    ResultEvent,
    StartedEvent,
    StopOrder,
    Usage,
)
from tocsin_shared.wire import dumps

#: Results wait this long for company; starts and output wait for `flush_secs`.
RESULT_LINGER_SECS = 0.002
#: Raw output in one upload.
MAX_OUTPUT_BYTES = 2 * 1024 * 1024
#: An upload that does not get through is halved, but not below these: so much passes where anything does.
LEAST_OUTPUT_BYTES = 64 * 1024
LEAST_EVENTS = 64
#: Events in an upload after ever so many that were too large: room is left for a start and a result beside output.
SMALLEST_UPLOAD = 3
#: After a failed upload a heartbeat goes first; if none gets through for so long, an upload is tried all the same.
LIVENESS_FIRST_SECS = 30.0
#: Results that the controller did not want are kept for whoever asks, at most so many.
MAX_REFUSED = 1_000


@dataclass(slots=True)
class _Batch:
    """What one upload carries, and what to do for each receipt."""

    events: list[AgentEvent] = field(default_factory=list)
    owners: list[tuple[UUID, Entry]] = field(default_factory=list)
    delivered: dict[UUID, int] = field(default_factory=dict)

    def add(self, execution_id: UUID, entry: Entry, event: AgentEvent) -> None:
        self.events.append(event)
        self.owners.append((execution_id, entry))


class Uploader:
    """One upload at a time."""

    def __init__(
        self,
        journal: Journal,
        link: ControllerLink,
        *,
        refused_dir: Path,
        contact: Contact,
        ask_for_contact: Callable[[], None],
        disown: Callable[[StopOrder], None],
        on_unknown_agent: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._link = link
        self._refused_dir = refused_dir
        self._contact = contact
        self._ask_for_contact = ask_for_contact
        self._disown = disown
        self._on_unknown_agent = on_unknown_agent
        self._backoff = Backoff()
        self._dirty: dict[UUID, None] = {}
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        #: What the next upload may carry; twice as much after each that gets through.
        self._max_events = MAX_EVENTS_PER_UPLOAD
        self._max_bytes = MAX_OUTPUT_BYTES
        #: Something in an upload can't be recorded: find out what, one execution at a time.
        self._one_at_a_time = False
        self.flush_secs = 0.2
        self.agent_id: UUID | None = None

    def on_news(self, execution_id: UUID, urgent: bool) -> None:
        """An execution has something to report."""
        self._dirty[execution_id] = None
        self._idle.clear()
        self._wake.set()
        if urgent:
            self._urgent.set()

    async def wait_until_idle(self) -> None:
        """Return once everything was delivered."""
        await self._idle.wait()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            await self._linger()
            self._wake.clear()
            self._urgent.clear()
            agent_id = self.agent_id
            if agent_id is None:
                await asyncio.sleep(0.1)
                self._wake.set()
                continue
            batch = self._gather()
            if batch.events and not await self._deliver(agent_id, batch):
                self._wake.set()
            if self._dirty:
                self._wake.set()
                self._urgent.set()
            else:
                self._idle.set()

    async def _linger(self) -> None:
        try:
            async with asyncio.timeout(self.flush_secs):
                await self._urgent.wait()
        except TimeoutError:
            return
        await asyncio.sleep(RESULT_LINGER_SECS)

    def _gather(self) -> _Batch:
        batch = _Batch()
        room = self._max_bytes
        for execution_id in list(self._dirty):
            entry = self._journal.entries.get(execution_id)
            if entry is None:
                del self._dirty[execution_id]
                continue
            if len(batch.events) >= self._max_events - 2 or room <= 0:
                break
            if self._one_at_a_time and batch.events:
                break
            has_rest = False
            events: list[AgentEvent] = []
            if entry.spool is not None:
                for chunk in entry.spool.undelivered(room):
                    if len(batch.events) + len(events) >= self._max_events - 2:
                        break
                    events.append(_output(entry, execution_id, chunk))
                    room -= len(chunk.data)
                    batch.delivered[execution_id] = chunk.next_position
                has_rest = batch.delivered.get(execution_id, entry.spool.delivered) < entry.spool.size
            if entry.result is not None and not has_rest:
                events.append(_result(entry, execution_id))
            elif entry.started is not None and not entry.is_start_delivered:
                events.insert(0, _started(entry, execution_id))
            for event in events:
                batch.add(execution_id, entry, event)
            if not has_rest:
                del self._dirty[execution_id]
        return batch

    async def _deliver(self, agent_id: UUID, batch: _Batch) -> bool:
        """Send it until it is answered; False when it has to be gathered anew."""
        try:
            answer = await self._link.upload(agent_id, EventsRequest(events=batch.events))
        except Unreachable as error:
            self._dirty = dict.fromkeys([owner for owner, _ in batch.owners]) | self._dirty
            self._send_less(batch)
            pause = self._backoff.next_pause_secs(error.retry_after_secs)
            log.warning(
                "upload_failed", error=str(error), waiting=len(batch.events), retry_secs=round(pause, 1)
            )
            await asyncio.sleep(pause)
            await self._let_liveness_go_first()
            return False
        except Refused as error:
            self._dirty = dict.fromkeys([owner for owner, _ in batch.owners]) | self._dirty
            await self._on_refused(batch, error)
            return False
        self._backoff.reset()
        self._max_events = min(2 * self._max_events, MAX_EVENTS_PER_UPLOAD)
        self._max_bytes = min(2 * self._max_bytes, MAX_OUTPUT_BYTES)
        self._one_at_a_time = self._one_at_a_time and bool(self._dirty)
        if not all(map(_is_for, answer.receipts, batch.events)) or len(answer.receipts) != len(batch.events):
            log.error("upload_receipts_do_not_match", sent=len(batch.events), answered=len(answer.receipts))
            self._dirty = dict.fromkeys([owner for owner, _ in batch.owners]) | self._dirty
            await asyncio.sleep(self._backoff.next_pause_secs())
            return False
        self._settle(batch, [receipt.receipt for receipt in answer.receipts])
        return True

    def _send_less(self, batch: _Batch) -> None:
        """On a slow way a long upload never arrives in time, however often it is tried."""
        sent_bytes = sum(_raw_bytes(event) for event in batch.events)
        self._max_bytes = min(self._max_bytes, max(sent_bytes // 2, LEAST_OUTPUT_BYTES))
        self._max_events = min(self._max_events, max(len(batch.events) // 2, LEAST_EVENTS))

    async def _let_liveness_go_first(self) -> None:
        """A controller that comes back hears that this agent lives before it gets what piled up."""
        self._contact.failed()
        self._ask_for_contact()
        with suppress(TimeoutError):
            async with asyncio.timeout(LIVENESS_FIRST_SECS):
                await self._contact.wait_until_up()

    async def _on_refused(self, batch: _Batch, error: Refused) -> None:
        if error.is_too_large and self._max_events > SMALLEST_UPLOAD:
            self._max_events = max(min(self._max_events, len(batch.events)) // 2, SMALLEST_UPLOAD)
            return
        if error.is_unknown_agent:
            self._on_unknown_agent()
        elif error.is_bad_request and len({owner for owner, _ in batch.owners}) == 1:
            execution_id, entry = batch.owners[0]
            self._archive(execution_id, entry, str(error))
            self._disown(StopOrder(execution_id=execution_id, fence=entry.intent.fence, why=str(error)))
            self._dirty.pop(execution_id, None)
            return
        elif error.is_bad_request:
            self._one_at_a_time = True
        log.warning("upload_refused", error=str(error), status=error.status)
        await asyncio.sleep(self._backoff.next_pause_secs())

    def _settle(self, batch: _Batch, receipts: list[Receipt]) -> None:
        done: list[UUID] = []
        outdated: set[UUID] = set()
        for (execution_id, entry), event, receipt in zip(batch.owners, batch.events, receipts, strict=True):
            if execution_id not in self._journal.entries or execution_id in done:
                continue
            if receipt is Receipt.STALE and entry.intent.fence > event.fence:
                outdated.add(execution_id)  # the right to it was handed out again meanwhile
            elif receipt is Receipt.STALE:
                self._disown(StopOrder(execution_id=execution_id, fence=event.fence, why="stale fence"))
            elif receipt is Receipt.UNKNOWN:
                self._archive(execution_id, entry, "the controller does not know this execution")
                self._disown(StopOrder(execution_id=execution_id, fence=event.fence, why="unknown execution"))
            elif isinstance(event, ResultEvent):
                done.append(execution_id)
            elif isinstance(event, StartedEvent):
                entry.is_start_delivered = True
        for execution_id, position in batch.delivered.items():
            live = self._journal.entries.get(execution_id)
            if live is not None and live.spool is not None and execution_id not in outdated:
                live.spool.delivered = max(live.spool.delivered, position)
        if done:
            self._journal.settle(done)
        for execution_id in outdated:
            self.on_news(execution_id, True)

    def _archive(self, execution_id: UUID, entry: Entry, why: str) -> None:
        """Keeps a result that nobody wanted."""
        if entry.result is None:
            return
        log.error("result_refused", execution_id=str(execution_id), job=entry.intent.job_name, why=why)
        try:
            self._refused_dir.mkdir(mode=0o700, exist_ok=True)
            content = {"why": why, "job": entry.intent.job_name, "result": entry.result}
            write_atomically(self._refused_dir / f"{execution_id}.json", dumps(content))
            for old in sorted(self._refused_dir.iterdir())[:-MAX_REFUSED]:
                old.unlink()
        except OSError as error:
            log.warning("refused_result_not_kept", error=error.strerror)


def _is_for(receipt: EventReceipt, event: AgentEvent) -> bool:
    """A result is forgotten only for a receipt that names it (G4)."""
    return receipt.execution_id == event.execution_id and receipt.seq == event.seq


def _started(entry: Entry, execution_id: UUID) -> StartedEvent:
    age = _age_secs(entry.started.at) if entry.started else 0
    return StartedEvent(
        type="started", execution_id=execution_id, fence=entry.intent.fence, seq=1, age_secs=age
    )


def _output(entry: Entry, execution_id: UUID, chunk: Chunk) -> OutputEvent:
    text, encoded = "", None
    try:
        text = chunk.data.decode()
    except UnicodeDecodeError:
        encoded = base64.b64encode(chunk.data).decode()
    return OutputEvent(
        type="output",
        execution_id=execution_id,
        fence=entry.intent.fence,
        seq=chunk.seq,
        stream=chunk.stream,
        offset=chunk.offset,
        data=text,
        data_base64=encoded,
    )


def _result(entry: Entry, execution_id: UUID) -> ResultEvent:
    result = entry.result
    if result is None:
        raise ValueError("there is no result yet")
    is_damaged = entry.spool is not None and entry.spool.is_damaged
    return ResultEvent(
        type="result",
        execution_id=execution_id,
        fence=entry.intent.fence,
        seq=result.seq,
        status=result.status,
        exit_code=_as_32_bits(result.exit_code),
        reason=result.reason,
        message=result.message[:4000] if result.message else None,
        started_age_secs=_age_secs(result.started_at) if result.started_at else None,
        age_secs=_age_secs(result.at),
        stdout_bytes=result.stdout_bytes,
        stderr_bytes=result.stderr_bytes,
        stdout_truncated=result.stdout_truncated or (is_damaged and result.stdout_bytes > 0),
        stderr_truncated=result.stderr_truncated or (is_damaged and result.stderr_bytes > 0),
        usage=Usage(cpu_secs=result.cpu_secs, peak_memory_bytes=result.peak_memory_bytes),
    )


def _raw_bytes(event: AgentEvent) -> int:
    return len(event.data or event.data_base64 or "") if isinstance(event, OutputEvent) else 0


def _age_secs(moment: Moment) -> float:
    """A host whose clock was set by decades between two boots would tell of more than anybody takes."""
    return min(moment.age_secs(), LONGEST_SECS)


def _as_32_bits(exit_code: int | None) -> int | None:
    """With a sign, as the controller stores it; Windows, called by SSH, has codes beyond that."""
    return None if exit_code is None else (exit_code + 2**31) % 2**32 - 2**31

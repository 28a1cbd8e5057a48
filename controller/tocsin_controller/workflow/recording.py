"""The one writer per controller of what agents report, in batches: few statements for many uploads.

An upload is answered after its transaction committed, naming what became of every event (G4, G5, G6).
"""

import asyncio
import base64
import binascii
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from tocsin_controller.definitions import Definitions
from tocsin_controller.hints import RESULTS, Hints, output_topic
from tocsin_controller.isolation import IN_THE_WAY
from tocsin_controller.store.database import Database, HeldSession
from tocsin_controller.store.doubts import Named
from tocsin_controller.store.ending import Output, Start, insert_output, start_executions
from tocsin_controller.store.leasing import ExecutionState, Lease, execution_states, lock_leases
from tocsin_controller.workflow.adopting import adopt_named, starts_of
from tocsin_controller.workflow.ending import Aftermath, Ended, Ender
from tocsin_controller.workflow.known_leases import KnownLeases
from tocsin_controller.workflow.setting_aside import set_aside
from tocsin_shared.errors import InvalidInput, Unavailable
from tocsin_shared.executions import STREAM_NUMBERS, ExecutionStatus
from tocsin_shared.logs import log
from tocsin_shared.protocol import (
    AgentEvent,
    EventReceipt,
    OutputEvent,
    Receipt,
    ResultEvent,
    StartedEvent,
)

#: Events in one transaction; more wait for the next.
BATCH_EVENTS = 2_000
#: Uploads that may wait; beyond that agents are told to come back (503).
MAX_WAITING_UPLOADS = 5_000


@dataclass(eq=False, slots=True)
class Upload:
    """A piece of one agent's journal, waiting to be written."""

    agent_id: UUID
    events: Sequence[AgentEvent]
    #: What the agent may take from.
    routes: Collection[str] = ()
    receipts: asyncio.Future[list[EventReceipt]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    received_at: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Batch:
    """What one transaction will write, and the receipt of every event."""

    starts: list[Start] = field(default_factory=list)
    output: list[Output] = field(default_factory=list)
    ended: dict[UUID, Ended] = field(default_factory=dict)
    receipts: list[list[EventReceipt]] = field(default_factory=list)


class Recorder:
    """Writes uploads."""

    def __init__(
        self,
        db: Database,
        hints: Hints,
        ender: Ender,
        definitions: Definitions,
        known: KnownLeases,
        *,
        lease_secs: float,
        linger_secs: float = 0.002,
    ) -> None:
        self._db = db
        self._hints = hints
        self._ender = ender
        self._definitions = definitions
        self._known = known
        self._lease_secs = lease_secs
        self._linger_secs = linger_secs
        self._waiting: asyncio.Queue[Upload] = asyncio.Queue(MAX_WAITING_UPLOADS)

    async def record(
        self, agent_id: UUID, events: Sequence[AgentEvent], routes: Collection[str] = ()
    ) -> list[EventReceipt]:
        """Write events of an agent that takes from these routes; one receipt each, in order, once committed."""
        if not events:
            return []
        upload = Upload(agent_id, events, routes)
        try:
            self._waiting.put_nowait(upload)
        except asyncio.QueueFull:
            raise Unavailable("too many uploads are waiting", retry_after_secs=2) from None
        return await upload.receipts

    async def run(self) -> None:
        """Until cancelled. When the database goes away, waiting uploads are answered so and agents retry."""
        async with self._db.hold() as session:
            while True:
                uploads = await self._gather()
                try:
                    await self._write_all(session, uploads)
                finally:
                    for upload in uploads:
                        upload.receipts.cancel()  # no effect on those that were answered

    async def _write_all(self, session: HeldSession, uploads: Sequence[Upload]) -> None:
        """All together; if one of them can't be written, each by itself, so that it harms no other."""
        try:
            receipts = await self._write(session, uploads)
        except Unavailable as error:
            for upload in uploads:
                _refuse(upload, error)
        except Exception as error:
            if len(uploads) > 1:
                for upload in uploads:
                    await self._write_all(session, [upload])
                return
            if isinstance(error, IN_THE_WAY):  # the agent keeps what it reports, and comes again (G4)
                _refuse(uploads[0], Unavailable("the database is too busy", retry_after_secs=1))
                return
            log.exception("upload_refused", agent_id=str(uploads[0].agent_id))
            _refuse(uploads[0], InvalidInput("the upload holds something that can't be stored"))
        else:
            for upload, answer in zip(uploads, receipts, strict=True):
                if not upload.receipts.done():
                    upload.receipts.set_result(answer)

    async def _gather(self) -> list[Upload]:
        """The next batch: what waits now, plus what comes in a moment."""
        uploads = [await self._waiting.get()]
        if self._waiting.empty():
            await asyncio.sleep(self._linger_secs)
        size = len(uploads[0].events)
        while size < BATCH_EVENTS and not self._waiting.empty():
            uploads.append(self._waiting.get_nowait())
            size += len(uploads[-1].events)
        return uploads

    async def _write(self, session: HeldSession, uploads: Sequence[Upload]) -> list[list[EventReceipt]]:
        """Write what is plain by few statements, the rest in a transaction that looks everything up first."""
        plain = [upload for upload in uploads if self._is_plain(upload)]
        answers = await self._write_plain(session, plain) if plain else {}
        rest = [upload for upload in uploads if upload not in answers]
        if rest:
            answers.update(zip(rest, await self._write_carefully(session, rest), strict=True))
        return [answers[upload] for upload in uploads]

    def _is_plain(self, upload: Upload) -> bool:
        """Whether this controller believes that the agent has the right to all it says, and that nothing follows."""
        for event in upload.events:
            lease = self._known.get(event.execution_id)
            if lease is None or lease.agent_id != upload.agent_id or lease.fence != event.fence:
                return False
            if isinstance(event, ResultEvent) and not self._ender.is_plain(lease, event.status):
                return False
        return True

    async def _write_plain(
        self, session: HeldSession, uploads: Sequence[Upload]
    ) -> dict[Upload, list[EventReceipt]]:
        """Each statement holds what is believed against the database. Uploads of which something proved wrong are left.

        Every statement can be repeated, so it does no harm that a later one fails (G5).
        """
        ids = {event.execution_id for upload in uploads for event in upload.events}
        leases = {i: lease for i in ids if (lease := self._known.get(i)) is not None}
        batch = sort_out(uploads, leases, {})
        output = [replace(chunk, fence=leases[chunk.execution_id].fence) for chunk in batch.output]
        wrong = {chunk.execution_id for chunk in output} - await insert_output(session, output)
        wrong |= {s.execution_id for s in batch.starts} - await start_executions(session, batch.starts)
        ends = await self._ender.end_plain(session, list(batch.ended.values()))
        done = ends.execution_ids
        wrong |= batch.ended.keys() - done
        self._known.forget(done | wrong)
        self._ender.announce(Aftermath(tuple(done), is_noted=ends.is_noted))
        self._tell_of_output(output)
        return {
            upload: receipts
            for upload, receipts in zip(uploads, batch.receipts, strict=True)
            if not wrong or wrong.isdisjoint(event.execution_id for event in upload.events)
        }

    async def _write_carefully(
        self, session: HeldSession, uploads: Sequence[Upload]
    ) -> list[list[EventReceipt]]:
        ids = {event.execution_id for upload in uploads for event in upload.events}
        async with session.transaction() as transaction:
            leases = await lock_leases(transaction, ids)
            unleased = ids - leases.keys()
            adopted = await adopt_named(transaction, _claims(uploads, unleased), self._lease_secs)
            if adopted:
                leases |= await lock_leases(transaction, [a.execution_id for a in adopted])
                unleased -= leases.keys()
            states = await execution_states(transaction, unleased) if unleased else {}
            batch = sort_out(uploads, leases, states)
            await start_executions(transaction, batch.starts)
            await start_executions(transaction, starts_of(adopted))  # those of which no start was reported
            await insert_output(transaction, batch.output)
            unjudged = await set_aside(transaction, self._definitions, batch.ended.values())
            ended = [e for e in batch.ended.values() if e.work.execution_id not in unjudged]
            aftermath = await self._ender.end(transaction, ended)
        self._known.learn(lease for lease in leases.values() if not lease.is_cancel_requested)
        self._known.forget(batch.ended)
        self._ender.announce(aftermath)
        if unjudged:
            self._hints.hint(RESULTS, everywhere=False)
        self._tell_of_output(batch.output)
        return batch.receipts

    def _tell_of_output(self, chunks: Iterable[Output]) -> None:
        for execution_id in {chunk.execution_id for chunk in chunks}:
            self._hints.hint(output_topic(execution_id), everywhere=False)


def sort_out(
    uploads: Iterable[Upload], leases: dict[UUID, Lease], states: dict[UUID, ExecutionState]
) -> Batch:
    """What each event means, given who has the right to say it. Pure."""
    batch = Batch()
    now = time.monotonic()
    for upload in uploads:
        waited_secs = now - upload.received_at
        results = {e.execution_id for e in upload.events if isinstance(e, ResultEvent)}
        answers: list[EventReceipt] = []
        for event in upload.events:
            lease, state = leases.get(event.execution_id), states.get(event.execution_id)
            receipt = judge(event, upload.agent_id, lease, state)
            if receipt is Receipt.RECORDED and event.execution_id in batch.ended:
                receipt = Receipt.DUPLICATE
            if receipt is Receipt.RECORDED:
                has_result = event.execution_id in results
                _accept(batch, event, upload.agent_id, lease, state, waited_secs, has_result=has_result)
            answers.append(EventReceipt(execution_id=event.execution_id, seq=event.seq, receipt=receipt))
        batch.receipts.append(answers)
    return batch


def judge(event: AgentEvent, agent_id: UUID, lease: Lease | None, state: ExecutionState | None) -> Receipt:
    """Whether this agent may say this. The fence decides (G6); a lost execution may still end (G4)."""
    if lease is not None:
        if lease.agent_id != agent_id:
            return Receipt.UNKNOWN
        return Receipt.RECORDED if event.fence == lease.fence else Receipt.STALE
    if state is None or state.agent_id != agent_id or state.status == ExecutionStatus.PENDING:
        return Receipt.UNKNOWN
    if state.fence != event.fence:
        return Receipt.STALE
    if state.status == ExecutionStatus.LOST:
        return Receipt.DUPLICATE if isinstance(event, StartedEvent) else Receipt.RECORDED
    return Receipt.DUPLICATE


def _claims(uploads: Iterable[Upload], unleased: set[UUID]) -> list[tuple[Named, Collection[str]]]:
    """Which agents report on executions that nobody has the right to."""
    reports = {
        Named(event.execution_id, event.fence, upload.agent_id, None, None): upload.routes
        for upload in uploads
        for event in upload.events
        if event.execution_id in unleased
    }
    return list(reports.items())


def _accept(
    batch: Batch,
    event: AgentEvent,
    agent_id: UUID,
    lease: Lease | None,
    state: ExecutionState | None,
    waited_secs: float,
    *,
    has_result: bool,
) -> None:
    """Ages were right when the upload came in, `waited_secs` ago."""
    match event:
        case StartedEvent():
            if lease is not None and not has_result:
                start = Start(
                    event.execution_id, lease.run_id, agent_id, event.fence, event.age_secs + waited_secs
                )
                batch.starts.append(start)
        case OutputEvent():
            data = _bytes(event)
            if data:
                stream = STREAM_NUMBERS[event.stream]
                batch.output.append(Output(event.execution_id, stream, event.offset, event.seq, data))
        case ResultEvent():
            work = lease or state
            if work is None:
                return
            batch.ended[event.execution_id] = Ended(
                work=work,
                status=event.status,
                reason=event.reason,
                message=event.message,
                agent_id=agent_id,
                fence=event.fence,
                exit_code=event.exit_code,
                started_age_secs=None
                if event.started_age_secs is None
                else event.started_age_secs + waited_secs,
                age_secs=event.age_secs + waited_secs,
                stdout_bytes=event.stdout_bytes,
                stderr_bytes=event.stderr_bytes,
                stdout_truncated=event.stdout_truncated,
                stderr_truncated=event.stderr_truncated,
                usage=event.usage,
                is_late=lease is None,
                is_cancel_requested=lease is not None and lease.is_cancel_requested,
            )


def _bytes(event: OutputEvent) -> bytes:
    if event.data_base64 is None:
        return event.data.encode("utf-8", "replace")
    try:
        return base64.b64decode(event.data_base64, validate=True)
    except binascii.Error:
        return b""


def _refuse(upload: Upload, error: Exception) -> None:
    if not upload.receipts.done():
        upload.receipts.set_exception(error)

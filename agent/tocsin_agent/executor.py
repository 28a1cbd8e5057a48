"""Runs what was accepted, and writes down how it went before anybody is told."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from tocsin_agent.clock import Moment, boot_id
from tocsin_agent.journal.journal import Entry, Journal
from tocsin_agent.journal.log import JournalError
from tocsin_agent.journal.records import Intent, ProcessMark, Result, Started
from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.runtime.output import OutputCapture
from tocsin_agent.runtime.process import kill_family, process_started
from tocsin_agent.runtime.supervisor import Supervisor
from tocsin_agent.tasks.base import StopKind
from tocsin_agent.tasks.registry import TaskRegistry
from tocsin_shared.executions import Reason, Stream
from tocsin_shared.protocol import Assignment, CancelOrder, OutputLimits, StopOrder

log = structlog.get_logger(__name__)

#: Two starts of one process are the same when their times differ by less (kernel ticks are 10 ms).
SAME_START_SECS = 0.05
#: A result that can't be written to disk is tried again this often.
JOURNAL_RETRY_SECS = 1.0


class Executor:
    """The executions of one agent. What it has accepted is in the journal's entries until it is settled."""

    def __init__(
        self,
        journal: Journal,
        registry: TaskRegistry,
        *,
        on_news: Callable[[UUID, bool], None],
        on_slot: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._registry = registry
        self._on_news = on_news
        self._on_slot = on_slot
        self._supervisors: dict[UUID, Supervisor] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        #: Killed because the right was withdrawn: their end is nobody's business any more.
        self._disowned: set[UUID] = set()
        self.limits = OutputLimits()

    @property
    def running(self) -> int:
        """Executions that occupy a slot."""
        return len(self._tasks)

    async def accept(self, assignments: Sequence[Assignment]) -> None:
        """Write the intent to run these (G2), then start them. Raises JournalError; then nothing was started."""
        news = [a for a in assignments if not self._is_known(a)]
        if not news:
            return
        intents = [
            Intent(
                execution_id=a.execution_id,
                fence=a.fence,
                job_name=a.job_name,
                task_type=a.task.type,
                at=Moment.now(),
                self_fence_secs=a.self_fence_secs,
                kill_grace_secs=a.kill_grace_secs,
            )
            for a in news
        ]
        await self._journal.commit(intents)
        for assignment, intent in zip(news, intents, strict=True):
            entry = self._journal.entries.get(assignment.execution_id)
            if entry is not None:  # accepted before: only the right was handed out again, the work goes on
                entry.intent = intent
                continue
            self._journal.entries[assignment.execution_id] = Entry(intent)
            if self._journal.was_settled(assignment.execution_id):
                await self._refuse_again(assignment)
            else:
                self._begin(assignment)

    def cancel(self, order: CancelOrder) -> None:
        """Somebody wants it ended; repeating the order does no harm."""
        supervisor = self._supervisors.get(order.execution_id)
        if supervisor is not None:
            log.info("execution_cancelling", execution_id=str(order.execution_id))
            supervisor.request_stop("cancel", order.grace_secs)

    def disown(self, order: StopOrder) -> None:
        """The right to it is gone: kill it, report nothing."""
        entry = self._journal.entries.get(order.execution_id)
        if entry is None or entry.intent.fence > order.fence:
            return
        log.warning("execution_disowned", execution_id=str(order.execution_id), why=order.why)
        supervisor = self._supervisors.get(order.execution_id)
        if supervisor is None:
            self._journal.settle([order.execution_id])
        else:
            self._disowned.add(order.execution_id)
            supervisor.request_stop("cancel", 0)

    def self_fence(self, execution_id: UUID, grace_secs: float) -> bool:
        """The controller may hand it to somebody else soon: kill it, with so much grace at most.

        Says whether it runs here.
        """
        supervisor = self._supervisors.get(execution_id)
        if supervisor is None:
            return False
        log.warning("execution_self_fenced", execution_id=str(execution_id))
        supervisor.request_stop("self_fence", grace_secs)
        return True

    def stop_all(self, kind: StopKind, grace_secs: float) -> None:
        """End everything that runs."""
        for supervisor in self._supervisors.values():
            supervisor.request_stop(kind, grace_secs)

    async def wait_until_idle(self) -> None:
        """Return once nothing runs."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def settle_the_past(self) -> None:
        """What an earlier process of this agent left behind: end it, and say that its outcome is not known.

        Nothing is ever started again (G2).
        """
        for execution_id, entry in list(self._journal.entries.items()):
            if entry.result is not None:
                self._on_news(execution_id, True)
                continue
            mark = entry.started.process if entry.started else None
            group = mark.pid if mark is not None and _is_alive(mark) else 0
            await asyncio.to_thread(kill_family, str(execution_id), group)
            if execution_id not in self._journal.entries:
                continue  # disowned while it was being ended
            message = "The agent's process ended while this ran; what was left of it was killed."
            log.warning("execution_interrupted", execution_id=str(execution_id), job=entry.intent.job_name)
            await self._finish(execution_id, Outcome.failed(Reason.INTERRUPTED, message), None)

    def _is_known(self, assignment: Assignment) -> bool:
        """Whether this very right, or a newer one, was accepted already."""
        entry = self._journal.entries.get(assignment.execution_id)
        return entry is not None and entry.intent.fence >= assignment.fence

    async def _refuse_again(self, assignment: Assignment) -> None:
        """It ran here and was reported, yet it was handed out again: nothing is started twice (G2)."""
        log.warning("execution_not_started_again", execution_id=str(assignment.execution_id))
        message = "This was started on this host before and is not started again."
        await self._finish(assignment.execution_id, Outcome.failed(Reason.INTERRUPTED, message), None)

    def _begin(self, assignment: Assignment) -> None:
        supervisor = Supervisor(self._registry, self.limits)
        self._supervisors[assignment.execution_id] = supervisor
        task = asyncio.create_task(self._run(assignment, supervisor), name=f"run-{assignment.execution_id}")
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("execution_task_failed", error=repr(error))
        self._on_slot()

    async def _run(self, assignment: Assignment, supervisor: Supervisor) -> None:
        execution_id = assignment.execution_id

        def keep(stream: Stream, offset: int, data: bytes) -> None:
            self._keep_output(execution_id, stream, offset, data)

        async def started(pid: int | None, pid_started: float | None) -> None:
            mark = None
            if pid is not None and pid_started is not None:
                mark = ProcessMark(pid, pid_started, boot_id())
            record = Started(execution_id, Moment.now(), mark)
            self._journal.entries[execution_id].started = record
            if mark is not None:
                await self._journal.commit([record], durable=False)
            self._on_news(execution_id, False)

        capture = OutputCapture(self.limits.max_bytes_per_stream, keep)
        try:
            outcome = await supervisor.run(assignment, capture=capture, on_started=started)
        finally:
            self._supervisors.pop(execution_id, None)
        if execution_id in self._disowned:
            self._disowned.discard(execution_id)
            self._journal.settle([execution_id])
            return
        await self._finish(execution_id, outcome, capture)

    def _keep_output(self, execution_id: UUID, stream: Stream, offset: int, data: bytes) -> None:
        if self._journal.keep_output(execution_id, stream, offset, data):
            self._on_news(execution_id, False)

    async def _finish(self, execution_id: UUID, outcome: Outcome, capture: OutputCapture | None) -> None:
        """Write the result, for as long as it takes, before anybody may report it (G4)."""
        entry = self._journal.entries[execution_id]
        entry.seq += 1
        result = Result(
            execution_id=execution_id,
            seq=entry.seq,
            status=outcome.status,
            at=Moment.now(),
            started_at=entry.started.at if entry.started else None,
            exit_code=outcome.exit_code,
            reason=outcome.reason,
            message=outcome.message.replace("\x00", "") if outcome.message else None,
            cpu_secs=outcome.usage.cpu_secs,
            peak_memory_bytes=outcome.usage.peak_memory_bytes,
            fence=entry.intent.fence,
            job_name=entry.intent.job_name,
        )
        if capture is not None:
            result = replace(
                result,
                stdout_bytes=capture.total_bytes(Stream.STDOUT),
                stderr_bytes=capture.total_bytes(Stream.STDERR),
                stdout_truncated=capture.truncated(Stream.STDOUT),
                stderr_truncated=capture.truncated(Stream.STDERR),
            )
        elif entry.spool is not None:
            ends = entry.spool.lengths()
            result = replace(result, stdout_bytes=ends[Stream.STDOUT], stderr_bytes=ends[Stream.STDERR])
        result = replace(
            result,
            stdout_truncated=result.stdout_truncated or Stream.STDOUT in entry.cut,
            stderr_truncated=result.stderr_truncated or Stream.STDERR in entry.cut,
        )
        spools = [entry.spool] if entry.spool is not None else []
        while True:
            try:
                await self._journal.commit([result], spools=spools)
                break
            except JournalError:
                await asyncio.sleep(JOURNAL_RETRY_SECS)
        entry.result = result
        self._on_news(execution_id, True)
        log.debug("execution_ended", execution_id=str(execution_id), status=result.status.value)


def _is_alive(mark: ProcessMark) -> bool:
    if mark.boot != boot_id():
        return False
    started = process_started(mark.pid)
    return started is not None and abs(started - mark.started_secs) < SAME_START_SECS

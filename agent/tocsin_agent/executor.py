"""Runs what was accepted, and writes down how it went before anybody is told."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any
from uuid import UUID

from tocsin_agent.clock import Moment, boot_id
from tocsin_agent.journal.journal import Entry, Journal
from tocsin_agent.journal.log import JournalError
from tocsin_agent.journal.records import Intent, ProcessMark, Result, Started
from tocsin_agent.policy import Policy
from tocsin_agent.runtime.after_journal import AfterJournal
from tocsin_agent.runtime.kept import KeptStart
from tocsin_agent.runtime.outcome import Outcome, OutputFigures
from tocsin_agent.runtime.output import OutputCapture
from tocsin_agent.runtime.supervisor import Keeping, Supervisor
from tocsin_agent.tasks.base import StopKind
from tocsin_agent.tasks.registry import TaskRegistry
from tocsin_shared.executions import Reason, Stream
from tocsin_shared.logs import log
from tocsin_shared.protocol import Assignment, CancelOrder, OutputLimits, StopOrder
from tocsin_shared.wire import storable

#: A result that can't be written to disk is tried again this often.
JOURNAL_RETRY_SECS = 1.0
#: No result carries more of a message.
_MOST_CHARS = 4_000


class Executor:
    """The executions of one agent. What it has accepted is in the journal's entries until it is settled."""

    def __init__(
        self,
        journal: Journal,
        registry: TaskRegistry,
        keeping: Keeping,
        *,
        policy: Policy | None = None,
        on_news: Callable[[UUID, bool], None],
        on_slot: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._registry = registry
        self._keeping = keeping
        #: What is begun from now on is judged by it.
        self.policy = policy
        self._on_news = on_news
        self._on_slot = on_slot
        self._supervisors: dict[UUID, Supervisor] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        #: Killed because the right was withdrawn: their end is nobody's business any more.
        self._disowned: set[UUID] = set()
        #: Whose output may not grow, because the journal was full.
        self._limited: set[UUID] = set()
        self.limits = OutputLimits()
        journal.on_room = self._give_room

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

    def fence_at(self, execution_id: UUID, uptime_secs: float, grace_secs: float) -> None:
        """The same, from this instant since boot on, whether or not this agent still lives then."""
        supervisor = self._supervisors.get(execution_id)
        if supervisor is not None:
            supervisor.fence_at(uptime_secs, grace_secs)

    def stop_all(self, kind: StopKind, grace_secs: float, *, only_inside: bool = False) -> None:
        """End everything that runs, or only what could not go on without this agent."""
        for supervisor in list(self._supervisors.values()):
            if not (only_inside and supervisor.has_process):
                supervisor.request_stop(kind, grace_secs)

    async def abandon(self) -> None:
        """End everything that is left, without waiting for how it ends: the keepers will say so at the next start."""
        self.stop_all("agent_stopped", 0)
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def wait_until_idle(self) -> None:
        """Return once nothing runs."""
        while self._tasks:
            await asyncio.wait(set(self._tasks.values()))

    async def wait_until_only_processes_run(self) -> None:
        """Return once all that runs could go on without this agent."""
        while inside := [task for i, task in self._tasks.items() if not self._is_process(i)]:
            # A task may be about to start its process: look again soon, not only when it has ended.
            await asyncio.wait(inside, timeout=0.1)

    def _is_process(self, execution_id: UUID) -> bool:
        """False also for one that has ended and whose result is being written."""
        supervisor = self._supervisors.get(execution_id)
        return supervisor is not None and supervisor.has_process

    async def hand_over(self) -> list[UUID]:
        """Leave the processes to their keepers, for the next agent to adopt. Returns which."""
        left = [i for i, supervisor in self._supervisors.items() if supervisor.has_process]
        tasks = [self._tasks[i] for i in left]
        for execution_id in left:
            # First, so that no news of them is taken that nobody would write down.
            self._supervisors[execution_id].let_go()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return left

    def adopt(self, execution_id: UUID, work: Callable[[Supervisor], Awaitable[Outcome]]) -> None:
        """Go on with what an earlier process of this agent started; `work` sees to its end."""
        supervisor = self._supervisor(execution_id)
        self._go_on(execution_id, self._see_through(execution_id, supervisor, work(supervisor)))

    def report(self, execution_id: UUID) -> None:
        """Its result is in the journal and waits to be delivered."""
        self._on_news(execution_id, True)

    def end_orphans(self, execution_id: UUID, group: int) -> None:
        """Kill what lives of an execution that nobody keeps. Blocks."""
        self._keeping.end_orphans(execution_id, group)

    async def finish(self, execution_id: UUID, outcome: Outcome) -> None:
        """Write how something ended that an earlier process of this agent started."""
        await self._conclude(execution_id, outcome, None)

    def output_grew(self, execution_id: UUID, size: int, newest_seq: int) -> None:
        """A keeper has written output of a process."""
        if execution_id not in self._journal.entries:
            return
        self._journal.output_grew(execution_id, size, newest_seq)
        if self._journal.size_bytes > self._journal.max_bytes and execution_id in self._supervisors:
            self._supervisors[execution_id].limit_room(size)
            self._limited.add(execution_id)
        self._on_news(execution_id, False)

    def _give_room(self) -> None:
        """The journal has become smaller: whoever fills it again is limited again."""
        limited, self._limited = self._limited, set()
        for execution_id in limited:
            if (supervisor := self._supervisors.get(execution_id)) is not None:
                supervisor.limit_room(None)

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
        supervisor = self._supervisor(assignment.execution_id)
        self._go_on(assignment.execution_id, self._run(assignment, supervisor))

    def _supervisor(self, execution_id: UUID) -> Supervisor:
        async def started(start: KeptStart | None) -> None:
            await self._on_started(execution_id, start)

        def grew(size: int, newest_seq: int) -> None:
            self.output_grew(execution_id, size, newest_seq)

        supervisor = Supervisor(
            self._registry,
            self._keeping,
            self.limits,
            policy=self.policy,
            on_started=started,
            on_output=grew,
        )
        self._supervisors[execution_id] = supervisor
        return supervisor

    def _go_on(self, execution_id: UUID, work: Coroutine[Any, Any, None]) -> None:
        def on_done(task: asyncio.Task[None]) -> None:
            del self._tasks[execution_id]
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("execution_task_failed", error=repr(error))
            self._on_slot()

        task = asyncio.create_task(work, name=f"run-{execution_id}")
        self._tasks[execution_id] = task
        task.add_done_callback(on_done)

    async def _run(self, assignment: Assignment, supervisor: Supervisor) -> None:
        execution_id = assignment.execution_id

        def keep(stream: Stream, offset: int, data: bytes) -> None:
            if self._journal.keep_output(execution_id, stream, offset, data):
                self._on_news(execution_id, False)

        capture = OutputCapture(self.limits.max_bytes_per_stream, keep)
        await self._see_through(
            execution_id, supervisor, supervisor.run(assignment, capture=capture), capture
        )

    async def _see_through(
        self,
        execution_id: UUID,
        supervisor: Supervisor,
        work: Awaitable[Outcome],
        capture: OutputCapture | None = None,
    ) -> None:
        """Wait for the end and write it down; only then is anybody told that it is known: keeper, or broker."""
        try:
            try:
                outcome = await work
            finally:
                self._supervisors.pop(execution_id, None)
            await self._conclude(execution_id, outcome, capture, supervisor.after_journal)
            supervisor.acknowledge()
        finally:
            await supervisor.after_journal.give_up(execution_id)

    async def _on_started(self, execution_id: UUID, start: KeptStart | None) -> None:
        entry = self._journal.entries[execution_id]
        if start is None:
            entry.started = Started(execution_id, Moment.now(), None)
        elif entry.started is None:
            entry.started = Started(
                execution_id, start.at, ProcessMark(start.pid, start.pid_started, boot_id())
            )
            try:
                await self._journal.commit([entry.started], durable=False)
            except JournalError as error:
                # It runs all the same. The next agent would only know less of it.
                log.warning("start_not_written", execution_id=str(execution_id), error=str(error))
        self._on_news(execution_id, False)

    async def _conclude(
        self,
        execution_id: UUID,
        outcome: Outcome,
        capture: OutputCapture | None,
        after: AfterJournal | None = None,
    ) -> None:
        if execution_id not in self._journal.entries:
            return  # disowned before anybody watched over it
        if execution_id in self._disowned:
            self._disowned.discard(execution_id)
            self._journal.settle([execution_id])
        else:
            await self._finish(execution_id, outcome, capture, after)

    async def _finish(
        self,
        execution_id: UUID,
        outcome: Outcome,
        capture: OutputCapture | None,
        after: AfterJournal | None = None,
    ) -> None:
        """Write the result, for as long as it takes, before anybody may report it (G4)."""
        entry = self._journal.entries[execution_id]
        figures = outcome.output or _figures(entry, capture)
        if figures.spool_bytes:
            self._journal.output_grew(execution_id, figures.spool_bytes, figures.newest_seq)
        if figures.dropped_bytes:
            log.error("output_not_kept", execution_id=str(execution_id), bytes=figures.dropped_bytes)
        entry.seq += 1
        started_at = entry.started.at if entry.started else outcome.started_at
        result = Result(
            execution_id=execution_id,
            seq=entry.seq,
            status=outcome.status,
            at=outcome.at or Moment.now(),
            started_at=started_at,
            exit_code=outcome.exit_code,
            reason=outcome.reason,
            message=_told(outcome.message) if outcome.message else None,
            stdout_bytes=figures.stdout_bytes,
            stderr_bytes=figures.stderr_bytes,
            stdout_truncated=figures.stdout_truncated or Stream.STDOUT in entry.cut,
            stderr_truncated=figures.stderr_truncated or Stream.STDERR in entry.cut,
            cpu_secs=outcome.usage.cpu_secs,
            peak_memory_bytes=outcome.usage.peak_memory_bytes,
            fence=entry.intent.fence,
            job_name=entry.intent.job_name,
        )
        spools = [entry.spool] if entry.spool is not None else []
        while True:
            try:
                await self._journal.commit([result], spools=spools)
                break
            except JournalError:
                await asyncio.sleep(JOURNAL_RETRY_SECS)
        if after is not None:
            # Before anybody hears of the result: the next run may take what this one has not acknowledged.
            await after.acknowledge(execution_id)
        entry.result = result
        self._on_news(execution_id, True)
        log.debug("execution_ended", execution_id=str(execution_id), status=result.status.value)


def _told(message: str) -> str:
    """As a result carries it. Names of files may hold bytes that are no text."""
    return storable(message)[:_MOST_CHARS]


def _figures(entry: Entry, capture: OutputCapture | None) -> OutputFigures:
    """What is known of output that no keeper has counted to its end."""
    if capture is not None and any(capture.total_bytes(stream) for stream in Stream):
        return OutputFigures(
            stdout_bytes=capture.total_bytes(Stream.STDOUT),
            stderr_bytes=capture.total_bytes(Stream.STDERR),
            stdout_truncated=capture.truncated(Stream.STDOUT),
            stderr_truncated=capture.truncated(Stream.STDERR),
        )
    if entry.spool is None:
        return OutputFigures()
    ends = entry.spool.lengths()
    return OutputFigures(stdout_bytes=ends[Stream.STDOUT], stderr_bytes=ends[Stream.STDERR])

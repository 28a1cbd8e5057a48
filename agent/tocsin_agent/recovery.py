"""What an earlier process of this agent left, settled by what can be known of it. Nothing is started again (G2)."""

import asyncio
from contextlib import suppress
from functools import partial
from uuid import UUID

from tocsin_agent.clock import boot_id
from tocsin_agent.executor import Executor
from tocsin_agent.journal.journal import Entry, Journal
from tocsin_agent.runtime.adoption import AdoptionDesk, LivingKeepers, end_kept
from tocsin_agent.runtime.ending import outcome_of, read_end, remove_end
from tocsin_agent.runtime.family import is_same_process
from tocsin_agent.runtime.kept import KeeperDied
from tocsin_agent.runtime.outcome import Outcome
from tocsin_agent.runtime.supervisor import Supervisor
from tocsin_shared.executions import Reason
from tocsin_shared.logs import log

#: After a keeper has hung up, before it is asked to call again.
_SETTLE_SECS = 0.1


class Recovery:
    """Used once, when the agent starts."""

    def __init__(self, journal: Journal, executor: Executor, keepers: LivingKeepers) -> None:
        self._journal = journal
        self._executor = executor
        self._keepers = keepers
        self._directory = journal.output_dir
        self._desk = AdoptionDesk(journal.output_dir)

    async def settle_the_past(self) -> None:
        """Report what has ended, go on with what runs, and say of the rest that its outcome is not known."""
        here = self._keepers.here
        for execution_id, pid in here.items():
            if execution_id not in self._journal.entries:
                # Nobody has a right to it (G6).
                log.warning("stray_execution_ended", execution_id=str(execution_id))
                end_kept(pid, execution_id)
        for execution_id, entry in list(self._journal.entries.items()):
            if entry.result is not None:
                self._executor.report(execution_id)
            elif execution_id in here:
                pid = here[execution_id]
                log.info("execution_adopted", execution_id=str(execution_id), job=entry.intent.job_name)
                self._executor.adopt(execution_id, partial(self._resume, execution_id, entry, pid))
        for execution_id, entry in list(self._journal.entries.items()):
            if entry.result is None and execution_id not in here:
                outcome = await self._without_keeper(execution_id, entry)
                await self._executor.finish(execution_id, outcome)
                remove_end(self._directory, execution_id)

    async def _resume(self, execution_id: UUID, entry: Entry, pid: int, supervisor: Supervisor) -> Outcome:
        grew = partial(self._executor.output_grew, execution_id)
        has_called = False
        while (process := await self._desk.adopt(execution_id, pid, grew)) is not None:
            has_called = True
            # An earlier agent's journal was full, perhaps; if this one's is, the first news of output says so.
            process.limit_room(None)
            # One that was asked again in the moment in which it called has hung up, and lives.
            with suppress(KeeperDied):
                return await supervisor.follow(process)
            # Its next call is on its way to nobody: it is not to be mixed up with the answer to the next question.
            await asyncio.sleep(_SETTLE_SECS)
        if has_called and read_end(self._directory, execution_id) is None:
            return await supervisor.end_unkept(execution_id)
        return await self._without_keeper(execution_id, entry)

    async def _without_keeper(self, execution_id: UUID, entry: Entry) -> Outcome:
        end = read_end(self._directory, execution_id)
        if end is not None:
            log.info("execution_ended_meanwhile", execution_id=str(execution_id), job=entry.intent.job_name)
            return outcome_of(end)
        if execution_id not in self._keepers.elsewhere:
            # Else it runs under an agent with another copy of this journal, which has the right to it.
            await asyncio.to_thread(self._executor.end_orphans, execution_id, _group_of(entry))
        log.warning("execution_interrupted", execution_id=str(execution_id), job=entry.intent.job_name)
        message = "The agent's host or process went down while this ran; what was left of it was killed."
        return Outcome.failed(Reason.INTERRUPTED, message)


def _group_of(entry: Entry) -> int:
    """The process group that it was started in, if that number still is its own; else 0."""
    mark = entry.started.process if entry.started else None
    if mark is None or mark.boot != boot_id() or not is_same_process(mark.pid, mark.started_secs):
        return 0
    return mark.pid

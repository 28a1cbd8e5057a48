"""Asks the controller for work and orders: one parked long poll at a time."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import structlog

from tocsin_agent.clock import Moment
from tocsin_agent.contact import Contact
from tocsin_agent.executor import Executor
from tocsin_agent.intake import Intake
from tocsin_agent.journal.journal import Journal
from tocsin_agent.journal.log import JournalError
from tocsin_agent.link import ControllerLink, LinkError, Refused, Unreachable
from tocsin_agent.retry import Backoff
from tocsin_shared.protocol import Held, PollRequest, PollResponse

log = structlog.get_logger(__name__)


#: A poll without news that is answered sooner was not really parked.
EARLY_SECS = 0.5


class Poller:
    """Polls as long as the agent runs; while it drains, only for orders."""

    def __init__(
        self,
        journal: Journal,
        link: ControllerLink,
        executor: Executor,
        contact: Contact,
        intake: Intake,
        *,
        capacity: int,
        max_batch: int,
        on_unknown_agent: Callable[[], None],
        on_superseded: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._link = link
        self._executor = executor
        self._contact = contact
        self._intake = intake
        self._capacity = capacity
        self._max_batch = max_batch
        self._on_unknown_agent = on_unknown_agent
        self._on_superseded = on_superseded
        self._backoff = Backoff()
        self._seq = 0
        self._slot_freed = asyncio.Event()
        self._draining = asyncio.Event()
        self.wait_secs = 25.0

    @property
    def is_draining(self) -> bool:
        """Whether no more work is taken."""
        return self._draining.is_set()

    def drain(self) -> None:
        """Take no more work; a poll that could still bring some is given up."""
        self._draining.set()

    def on_slot(self) -> None:
        """A slot became free."""
        self._slot_freed.set()

    def held(self) -> list[Held]:
        """Everything accepted and not yet settled."""
        return [Held(execution_id=i, fence=e.intent.fence) for i, e in self._journal.entries.items()]

    async def run(self, agent_id: UUID, incarnation: UUID) -> None:
        """Until cancelled."""
        while True:
            self._slot_freed.clear()
            slots = self._slots()
            self._seq += 1
            request = PollRequest(
                incarnation=incarnation,
                seq=self._seq,
                wait_secs=self.wait_secs,
                slots=slots,
                running=self.held(),
            )
            sent, asked_at = Moment.now(), asyncio.get_running_loop().time()
            try:
                answer = await self._park(agent_id, request)
            except LinkError as error:
                await self._on_failure(error)
                continue
            if answer is None:
                continue
            self._contact.acknowledged(sent)
            if answer.executions or answer.cancel or answer.stop:
                self._backoff.reset()
                await self._obey(answer, slots)
            elif asyncio.get_running_loop().time() - asked_at < min(EARLY_SECS, self.wait_secs / 2):
                await asyncio.sleep(self._backoff.next_pause_secs())  # it does not wait: don't hammer it
            else:
                self._backoff.reset()

    async def _park(self, agent_id: UUID, request: PollRequest) -> PollResponse | None:
        """The poll; None when it was given up because it asked for too little work, or for too much.

        What its answer may have carried is offered again: the next poll does not name it.
        """
        if request.slots > 0:
            changed = self._draining
        elif not self.is_draining:
            changed = self._slot_freed
        else:
            return await self._link.poll(agent_id, request)
        poll = asyncio.ensure_future(self._link.poll(agent_id, request))
        change = asyncio.ensure_future(changed.wait())
        try:
            await asyncio.wait({poll, change}, return_when=asyncio.FIRST_COMPLETED)
            return await poll if poll.done() else None
        finally:
            change.cancel()
            poll.cancel()

    async def _obey(self, answer: PollResponse, slots: int) -> None:
        for stop in answer.stop:
            self._executor.disown(stop)
        for cancel in answer.cancel:
            self._executor.cancel(cancel)
        if not answer.executions:
            return
        try:
            # More than was asked for is not accepted: unnamed in the next poll, it is offered again.
            await self._executor.accept(answer.executions[:slots])
        except JournalError as error:
            # Not accepted, so the next poll does not name them and they are offered again, here or elsewhere.
            log.error("intake_refused", error=str(error), executions=len(answer.executions))
            await asyncio.sleep(1)

    async def _on_failure(self, error: LinkError) -> None:
        self._contact.failed()
        retry_after = error.retry_after_secs if isinstance(error, Unreachable) else None
        pause = self._backoff.next_pause_secs(retry_after)
        if isinstance(error, Refused):
            if error.is_superseded:
                self._on_superseded()
            elif error.is_unknown_agent:
                self._on_unknown_agent()
        log.warning("poll_failed", error=str(error), retry_secs=round(pause, 1))
        await asyncio.sleep(pause)

    def _slots(self) -> int:
        if self.is_draining or not self._intake.is_open():
            return 0
        return max(0, min(self._capacity - self._executor.running, self._max_batch))

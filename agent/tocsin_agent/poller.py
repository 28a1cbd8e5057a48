"""Asks the controller for work and orders: one parked long poll at a time."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from tocsin_agent.clock import Moment
from tocsin_agent.connecting.ordered import Trials
from tocsin_agent.contact import Contact
from tocsin_agent.executor import Executor
from tocsin_agent.freshness import Freshness
from tocsin_agent.intake import Intake
from tocsin_agent.journal.journal import Journal
from tocsin_agent.journal.log import JournalError
from tocsin_agent.link import ControllerLink, LinkError, Refused, TooLarge, Unreachable
from tocsin_agent.retry import Backoff
from tocsin_shared.logs import log
from tocsin_shared.protocol import Assignment, Held, PollRequest, PollResponse, epoch_of

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
        trials: Trials,
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
        self._trials = trials
        self._capacity = capacity
        self._max_batch = max_batch
        #: Less than `max_batch` after an answer that was too large.
        self._most_at_once = max_batch
        self._on_unknown_agent = on_unknown_agent
        self._on_superseded = on_superseded
        self._backoff = Backoff()
        self._seq = 0
        self._slot_freed = asyncio.Event()
        self._draining = asyncio.Event()
        #: A controller has answered a poll without slots since: nothing more can be on its way.
        self._nothing_comes = asyncio.Event()
        self.wait_secs = 25.0
        self.freshness = Freshness()
        #: The newest epoch that a controller spoke of.
        self.epoch = 0

    @property
    def is_draining(self) -> bool:
        """Whether no more work is taken."""
        return self._draining.is_set()

    def drain(self) -> None:
        """Take no more work; a poll that could still bring some is given up."""
        self._draining.set()

    async def wait_until_nothing_comes(self) -> None:
        """Return once a controller knows that this agent drains: what it handed out too late goes to others."""
        await self._nothing_comes.wait()

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
            is_farewell = self.is_draining and not self._nothing_comes.is_set()
            self._seq += 1
            request = PollRequest(
                incarnation=incarnation,
                seq=self._seq,
                wait_secs=0 if is_farewell else self.wait_secs,
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
            if is_farewell:
                self._nothing_comes.set()
            if answer.executions or answer.cancel or answer.stop or answer.trials:
                self._drop_stale(answer, sent, request)
                if await self._obey(answer, slots):
                    self._backoff.reset()
                    self._most_at_once = self._max_batch
                else:
                    await asyncio.sleep(self._backoff.next_pause_secs())  # the same nonsense again and again?
            elif asyncio.get_running_loop().time() - asked_at < min(EARLY_SECS, self.wait_secs / 2):
                await asyncio.sleep(self._backoff.next_pause_secs())  # it does not wait: don't hammer it
            else:
                self._backoff.reset()

    async def _park(self, agent_id: UUID, request: PollRequest) -> PollResponse | None:
        """The poll; None when it was given up because it asked for too little work, or for too much.

        What its answer may have carried is offered again: the next poll does not name it.
        """
        if self.is_draining:
            return await self._link.poll(agent_id, request)
        changed = [self._draining] if request.slots > 0 else [self._draining, self._slot_freed]
        poll = asyncio.ensure_future(self._link.poll(agent_id, request))
        changes = [asyncio.ensure_future(event.wait()) for event in changed]
        try:
            await asyncio.wait({poll, *changes}, return_when=asyncio.FIRST_COMPLETED)
            return await poll if poll.done() else None
        finally:
            for change in changes:
                change.cancel()
            poll.cancel()

    def _drop_stale(self, answer: PollResponse, sent: Moment, request: PollRequest) -> None:
        """Forget work that was on its way for too long; its orders hold whenever they come."""
        held_secs = request.wait_secs if answer.held_secs is None else answer.held_secs
        underway_secs = sent.age_secs() - held_secs
        if answer.executions and not self.freshness.accepts(underway_secs):
            count, secs = len(answer.executions), round(underway_secs, 1)
            log.warning("assignments_refused", why="on their way for too long", count=count, secs=secs)
            answer.executions = []

    async def _obey(self, answer: PollResponse, slots: int) -> bool:
        """Do what can be done of it; says whether there was anything."""
        entries = self._journal.entries
        is_news = any(order.execution_id in entries for order in answer.stop)
        is_news = is_news or any(order.execution_id in entries for order in answer.cancel)
        is_news = self._trials.begin(answer.trials) or is_news
        for stop in answer.stop:
            self._executor.disown(stop)
        for cancel in answer.cancel:
            self._executor.cancel(cancel)
        # What is not accepted is not named in the next poll, and offered again, here or elsewhere.
        wanted = [a for a in answer.executions[:slots] if self._is_news(a) and self._is_of_this_epoch(a)]
        if len(answer.executions) > slots:
            log.warning(
                "assignments_refused", why="more than was asked for", count=len(answer.executions) - slots
            )
        if not wanted:
            return is_news
        try:
            await self._executor.accept(wanted)
        except JournalError as error:
            log.error("intake_refused", error=str(error), executions=len(wanted))
            return False
        return True

    def _is_news(self, assignment: Assignment) -> bool:
        entry = self._journal.entries.get(assignment.execution_id)
        return entry is None or entry.intent.fence < assignment.fence

    def _is_of_this_epoch(self, assignment: Assignment) -> bool:
        epoch = epoch_of(assignment.fence)
        if epoch == self.epoch:
            return True
        execution_id = str(assignment.execution_id)
        if epoch < self.epoch:
            log.warning("assignment_refused", why="of an older epoch", execution_id=execution_id)
        else:
            # Only a registration tells of a newer epoch: a fence that is merely wrong must not become one.
            log.warning("assignment_refused", why="of an epoch not known yet", execution_id=execution_id)
            self._on_unknown_agent()
        return False

    async def _on_failure(self, error: LinkError) -> None:
        self._contact.failed()
        if isinstance(error, TooLarge):
            self._most_at_once = max(1, self._most_at_once // 2)
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
        return max(0, min(self._capacity - self._executor.running, self._most_at_once))

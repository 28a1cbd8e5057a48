"""Wake-ups between the parts of one controller and between controllers.

A hint says "look again", never what there is to see: correctness rests on polling, hints only shorten the wait.
Those meant for other controllers are collected for a moment and sent by NOTIFY in a transaction of their own,
because a NOTIFY inside the writing transaction would serialise all commits.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tocsin_controller.store.database import Database
from tocsin_controller.store.statements import sql
from tocsin_shared.errors import Unavailable
from tocsin_shared.ids import new_id
from tocsin_shared.logs import log

CHANNEL = "tocsin"

#: Something waits in the queue.
QUEUE = "queue"
#: A timer may now be due earlier than the ticker sleeps.
TIMERS = "timers"
#: A key was revoked or changed.
KEYS = "keys"
#: A place was given back, or is wanted (`workflow/gates`).
PLACES = "places"
#: Results wait to be judged.
RESULTS = "results"
#: Results wait to be forwarded.
FORWARDS = "forwards"
#: What holds for the whole fleet was changed.
SETTINGS = "settings"
#: Messages wait to be sent.
MESSAGES = "messages"
#: Events were added.
EVENTS = "events"
#: The outbox has something to do.
OUTBOX = "outbox"

#: Begins the topics of agents that are to try connections.
TRIALS = "trials:"

#: NOTIFY payloads must stay under 8,000 bytes.
_MAX_PAYLOAD_CHARS = 7_000
#: More distinct topics than this in one moment are folded into `*`, which wakes every watcher.
_MAX_TOPICS = 2_000
_EVERYTHING = "*"

_NOTIFY = sql("notify")


def agent_topic(agent_id: object) -> str:
    """Orders wait for this agent, or its registration changed."""
    return f"agent:{agent_id}"


def output_topic(execution_id: object) -> str:
    """The execution printed something, or ended."""
    return f"output:{execution_id}"


def trials_topic(agent_id: object) -> str:
    """Connections wait to be tried by this agent."""
    return f"{TRIALS}{agent_id}"


def tried_topic(trial_id: object) -> str:
    """An agent has tried this one."""
    return f"tried:{trial_id}"


class Hints:
    """Topics and who watches them. One per controller process."""

    def __init__(self, db: Database, *, debounce_secs: float = 0.02) -> None:
        self._db = db
        self._debounce_secs = debounce_secs
        self._watchers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._listeners: list[tuple[str, Callable[[str | None], None]]] = []
        self._outgoing: set[str] = set()
        #: First line of what we send, to know our own words when they come back.
        self._sender = str(new_id())
        self._has_outgoing = asyncio.Event()

    @contextmanager
    def watch(self, *topics: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever one of the topics is hinted. The watcher clears it."""
        event = asyncio.Event()
        for topic in topics:
            self._watchers[topic].add(event)
        try:
            yield event
        finally:
            for topic in topics:
                self._watchers[topic].discard(event)
                if not self._watchers[topic]:
                    del self._watchers[topic]

    def subscribe(self, prefix: str, callback: Callable[[str | None], None]) -> None:
        """Call back with the rest of every topic that starts so, or with None when some may have been missed.

        For parts that live as long as the controller and care for a whole family of topics.
        """
        self._listeners.append((prefix, callback))

    def hint(self, topic: str, *, everywhere: bool = True, here: bool = True) -> None:
        """Wake the watchers of a topic here at once and, if asked, on the other controllers soon."""
        if here:
            self._wake(topic)
        if everywhere:
            self._outgoing.add(topic if len(self._outgoing) < _MAX_TOPICS else _EVERYTHING)
            self._has_outgoing.set()

    def is_watched(self, topic: str) -> bool:
        """Whether anybody here waits for the topic."""
        return topic in self._watchers

    async def run_sender(self) -> None:
        """Tell the other controllers. Hints that can't be sent are dropped: everyone polls anyway."""
        async with self._db.hold() as session:
            while True:
                await self._has_outgoing.wait()
                await asyncio.sleep(self._debounce_secs)
                self._has_outgoing.clear()
                topics, self._outgoing = self._outgoing, set()
                try:
                    for payload in _payloads(topics):
                        await session.execute(_NOTIFY, CHANNEL, f"{self._sender}\n{payload}")
                except Unavailable:
                    log.warning("hints_dropped", topics=len(topics))

    async def run_listener(self) -> None:
        """Hear the other controllers."""
        await self._db.listen(CHANNEL, self._on_notify)

    def _on_notify(self, payload: str | None) -> None:
        if payload is None:  # connected anew: anything may have been missed
            self._wake_all()
            return
        sender, *topics = payload.split("\n")
        if sender == self._sender:
            return
        for topic in topics or [sender]:
            if topic == _EVERYTHING:
                self._wake_all()
            else:
                self._wake(topic)

    def _wake(self, topic: str) -> None:
        for event in self._watchers.get(topic, ()):
            event.set()
        for prefix, callback in self._listeners:
            if topic.startswith(prefix):
                callback(topic.removeprefix(prefix))

    def _wake_all(self) -> None:
        for events in self._watchers.values():
            for event in events:
                event.set()
        for _, callback in self._listeners:
            callback(None)


def _payloads(topics: set[str]) -> Iterator[str]:
    batch: list[str] = []
    size = 0
    for topic in sorted(topics):
        if batch and size + len(topic) + 1 > _MAX_PAYLOAD_CHARS:
            yield "\n".join(batch)
            batch, size = [], 0
        batch.append(topic)
        size += len(topic) + 1
    if batch:
        yield "\n".join(batch)


async def woken_within(woken: asyncio.Event, secs: float | None) -> None:
    """Until something wakes, or for so long; without a time for as long as it takes."""
    with suppress(TimeoutError):
        async with asyncio.timeout(secs):
            await woken.wait()

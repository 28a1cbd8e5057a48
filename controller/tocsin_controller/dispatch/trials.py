"""Connections that agents are to try: asked for by people, told to the agent when it polls, answered by its heartbeat.

Only who is to try which connection is written down, and what came of it. The configuration is opened at the moment when
the agent gets it, as it is for executions.
"""

import asyncio
import time
from contextlib import suppress
from typing import Final
from uuid import UUID

import asyncpg

from tocsin_controller.dispatch.connecting import Connector
from tocsin_controller.hints import Hints, trials_topic, tried_topic, woken_within
from tocsin_controller.security.values import Unfilled
from tocsin_controller.store.database import Database
from tocsin_controller.store.trials import Trial, add_trial, drop_trial, end_trials, find_trial, take_trials
from tocsin_shared.errors import Conflict, NoAnswer, NotFound, Unavailable
from tocsin_shared.ids import new_id
from tocsin_shared.protocol import MAX_TRIALS, TrialOrder, TrialResult

#: What a server has to connect, log in and answer.
LONGEST_SECS: Final = 10.0
#: An agent that is online always has a poll with some controller; it is told within this time or never.
TOLD_WITHIN_SECS: Final = 10.0
#: From being told on: the server's time, that of a process to start on a busy host, and the way back.
TRIED_WITHIN_SECS: Final = LONGEST_SECS + 30.0
#: Hints may be lost: so often it is looked whether there is an answer, and hinted again.
_LOOK_EVERY_SECS: Final = 1.0


class TrialDesk:
    """One controller's part in it."""

    def __init__(
        self,
        db: Database,
        hints: Hints,
        connector: Connector,
        *,
        told_within_secs: float = TOLD_WITHIN_SECS,
        tried_within_secs: float = TRIED_WITHIN_SECS,
    ) -> None:
        self._db = db
        self._hints = hints
        self._connector = connector
        self._told_within_secs = told_within_secs
        self._tried_within_secs = tried_within_secs
        #: Agents for which something may wait, and until when that is worth a look.
        self._wanted: dict[UUID, float] = {}

    async def attempt(self, agent_id: UUID, agent_name: str, connection: str) -> Trial:
        """Have an agent try a connection. Raises NotFound, Conflict, Unavailable, NoAnswer."""
        trial_id, lasts_secs = new_id(), self._told_within_secs + self._tried_within_secs
        try:
            is_added = await add_trial(self._db, trial_id, agent_id, connection, lasts_secs, MAX_TRIALS)
        except asyncpg.ForeignKeyViolationError:
            raise NotFound(f"there is no agent '{agent_name}'") from None
        if not is_added:
            raise Unavailable(
                f"agent '{agent_name}' tries {MAX_TRIALS} connections already; try again shortly"
            )
        try:
            return await self._answer(trial_id, agent_id, agent_name)
        finally:
            with suppress(Unavailable):  # it is over soon all the same
                await drop_trial(self._db, trial_id)

    def note(self, agent_id: UUID) -> None:
        """Something may wait for this agent."""
        now = time.monotonic()
        self._wanted = {one: until for one, until in self._wanted.items() if until > now}
        self._wanted[agent_id] = now + self._told_within_secs

    def may_want(self, agent_id: UUID) -> bool:
        """Whether it is worth a look what waits for this agent."""
        return agent_id in self._wanted

    async def take(self, agent_id: UUID) -> list[TrialOrder]:
        """What this agent is to try, with the configurations."""
        self._wanted.pop(agent_id, None)
        orders: list[TrialOrder] = []
        for trial_id, name in await take_trials(self._db, agent_id, MAX_TRIALS):
            given = await self._connector.one(self._db, name)
            if isinstance(given, Unfilled):
                said = TrialResult(trial_id=trial_id, success=False, message=as_sentence(given.message))
                await self.settle(agent_id, [said])
            else:
                orders.append(
                    TrialOrder(trial_id=trial_id, connection=given.connection, timeout_secs=LONGEST_SECS)
                )
        return orders

    async def settle(self, agent_id: UUID, results: list[TrialResult]) -> None:
        """What an agent says came of it. Repeating it, or saying it when nobody waits any more, changes nothing."""
        await end_trials(self._db, agent_id, results)
        for result in results:
            self._hints.hint(tried_topic(result.trial_id))

    async def _answer(self, trial_id: UUID, agent_id: UUID, agent_name: str) -> Trial:
        loop = asyncio.get_running_loop()
        asked_at, told_at = loop.time(), None
        with self._hints.watch(tried_topic(trial_id)) as news:
            while True:
                news.clear()
                trial = await find_trial(self._db, trial_id)
                if trial is None:
                    raise Conflict(f"agent '{agent_name}' was removed meanwhile")
                if trial.is_over:
                    return trial
                if trial.is_told:
                    told_at = told_at or loop.time()
                    if loop.time() - told_at > self._tried_within_secs:
                        raise NoAnswer(
                            f"agent '{agent_name}' got the connection to try, and said nothing about it for "
                            f"{self._tried_within_secs:g} s"
                        )
                elif loop.time() - asked_at > self._told_within_secs:
                    raise NoAnswer(
                        f"agent '{agent_name}' did not ask for work within {self._told_within_secs:g} s"
                    )
                else:
                    self._hints.hint(trials_topic(agent_id))
                await woken_within(news, _LOOK_EVERY_SECS)


def as_sentence(why: str) -> str:
    """Why a connection can't be used, as trials say it."""
    return f"{why[:1].upper()}{why[1:]}."

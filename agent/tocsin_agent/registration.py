"""Introducing the agent to its controller, until that succeeds or turns out to be pointless."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from tocsin_agent.identity import Identity, StateDir
from tocsin_agent.link import ControllerLink, LinkError, Refused, Unreachable
from tocsin_agent.retry import Backoff
from tocsin_shared.logs import log
from tocsin_shared.protocol import RegisterRequest, RegisterResponse

#: A name that belongs to another key may become free: try again, rarely.
NAME_TAKEN_PAUSE_SECS = 60.0


class Cloned(Exception):
    """Another copy of this agent's state directory has registered since; this one has to end, for good."""

    def __init__(self, name: str, state_dir: Path) -> None:
        super().__init__(
            f"another copy of the state directory {state_dir} works as agent '{name}'. If this host is a copy "
            f"(a cloned machine, a restored backup): empty {state_dir}, then start with an enrolment key and a "
            "name of its own. If this host is the original: stop the other copy and move its identity.json here"
        )


class Registration:
    """Knows the identity, and moves its marks and its epoch on with every success."""

    def __init__(
        self,
        link: ControllerLink,
        state: StateDir,
        identity: Identity,
        introduction: Callable[[Identity], RegisterRequest],
        *,
        enrolment_key: str | None,
    ) -> None:
        self._link = link
        self._state = state
        self.identity = identity
        self._introduction = introduction
        self._enrolment_key = enrolment_key

    async def register(self) -> RegisterResponse:
        """Try until a controller accepts. Raises Cloned."""
        backoff = Backoff()
        use_key = self.identity.agent_id is None
        while True:
            self.identity = self.identity.ready_to_register(self._state)
            self._show(self._enrolment_key if use_key and self._enrolment_key else self.identity.credential)
            try:
                answer = await self._link.register(self._introduction(self.identity))
            except LinkError as error:
                pause = backoff.next_pause_secs(
                    error.retry_after_secs if isinstance(error, Unreachable) else None
                )
                if isinstance(error, Refused):
                    if error.is_cloned:
                        raise Cloned(self.identity.name, self._state.path) from None
                    if error.status == 401 and not use_key and self._enrolment_key:
                        use_key, pause = True, 0.0
                    elif error.code == "name_taken":
                        pause = NAME_TAKEN_PAUSE_SECS
                log.warning("registration_failed", error=str(error), retry_secs=round(pause, 1))
                await asyncio.sleep(pause)
                continue
            if answer.epoch < self.identity.epoch:
                pause = backoff.next_pause_secs()
                log.warning(
                    "controller_of_an_older_epoch",
                    why="its database is older than one this agent worked with: nothing is taken from it",
                    its_epoch=answer.epoch,
                    known_epoch=self.identity.epoch,
                    retry_secs=round(pause, 1),
                )
                await asyncio.sleep(pause)
                continue
            self._show(self.identity.credential)
            self.identity = self.identity.as_registered(self._state, answer.agent_id, answer.epoch)
            return answer

    def _show(self, key: str) -> None:
        """Which key speaks for this agent; a link inside a controller needs none."""
        if hasattr(self._link, "key"):
            self._link.key = key

"""Whether work that reaches the agent may still be started.

An answer can be on its way for long: in a network that stands still, in a controller or an agent that is frozen. What
it carries was right when it was sent; meanwhile its job may have been deleted, and that was confirmed to somebody.
"""

from typing import Final

#: Also where heartbeats are quick an answer may take so long.
LEAST_PATIENCE_SECS: Final = 1.5


class Freshness:
    """Work is refused that was on its way for longer than half a heartbeat; each refusal in a row doubles the patience.

    So a network that is always slow only costs some tries. What is refused is not named in the next poll, and the
    controller decides anew (G2).
    """

    def __init__(self) -> None:
        self._usual_secs = self._patience_secs = LEAST_PATIENCE_SECS

    def set_pace(self, heartbeat_secs: float) -> None:
        """The controller told the time between heartbeats."""
        self._usual_secs = self._patience_secs = max(heartbeat_secs / 2, LEAST_PATIENCE_SECS)

    def accepts(self, underway_secs: float) -> bool:
        """Whether work may be started that was taken from the queue so long ago."""
        if underway_secs <= self._patience_secs:
            self._patience_secs = self._usual_secs
            return True
        self._patience_secs *= 2
        return False

"""The one retry rule and the one way of waiting between tries.

Worth another try: network errors, 429, 5xx and answers that can't be decoded (all of them `Unreachable`).
Not worth one: every other refusal (`Refused`), unless something about the request changes first.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tocsin_agent.link import LinkError, Unreachable

#: An asked-for pause is honoured up to here, so that a broken answer can't silence an agent for good.
LONGEST_ASKED_PAUSE_SECS = 300.0


def is_retryable(error: LinkError) -> bool:
    """Whether the same call may succeed later without any change."""
    return isinstance(error, Unreachable)


def is_retryable_status(status: int) -> bool:
    """The same rule for an HTTP status: 429 and 5xx retry, other statuses do not."""
    return status == 429 or status >= 500


@dataclass(slots=True)
class Backoff:
    """Full jitter: each pause is uniform between 0 and a ceiling that doubles up to `ceiling_secs`.

    A fleet that lost its controller at one instant so comes back spread out instead of at one instant.
    """

    first_secs: float = 0.5
    #: Work goes on within this time after an outage, whatever its length.
    ceiling_secs: float = 10.0
    #: Uniform between its arguments; tests replace it.
    uniform: Callable[[float, float], float] = random.uniform
    _failures: int = 0

    def next_pause_secs(self, retry_after_secs: float | None = None) -> float:
        """How long to wait after one more failure; never less than what the other side asked for."""
        ceiling = min(self.first_secs * 2 ** min(self._failures, 30), self.ceiling_secs)
        self._failures += 1
        jitter = self.uniform(0, ceiling)
        if retry_after_secs is None:
            return jitter
        return min(max(retry_after_secs, 0.0), LONGEST_ASKED_PAUSE_SECS) + jitter

    @property
    def failures(self) -> int:
        """Failures in a row so far."""
        return self._failures

    def reset(self) -> None:
        """Something succeeded: the next failure starts from the shortest pause again."""
        self._failures = 0

"""Into which batches the hosts of a run fall. Pure."""

from dataclasses import dataclass
from typing import Any

from tocsin_shared.rollouts import Rollout, hosts_in


@dataclass(frozen=True, slots=True)
class RolloutState:
    """A rollout as it is kept with its run."""

    #: Hosts in each batch, the canaries first if there are any. Those waited for come in one more batch.
    sizes: tuple[int, ...]
    has_canary: bool
    #: Offline when the run began, and waited for.
    late: int
    #: The run succeeds with so many hosts; None: none may fail.
    quorum: int | None
    #: Batches that were begun.
    released: int
    #: Why no further batch begins.
    stopped: str | None = None
    #: By the database's clock, as text: when the next batch begins, and until when offline hosts are waited for.
    next_at: str | None = None
    waits_until: str | None = None

    @property
    def late_batch(self) -> int:
        """The number of the batch of those that are waited for."""
        return len(self.sizes) + 1

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "sizes": list(self.sizes),
            "has_canary": self.has_canary,
            "late": self.late,
            "quorum": self.quorum,
            "released": self.released,
            "stopped": self.stopped,
            "next_at": self.next_at,
            "waits_until": self.waits_until,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "RolloutState":
        """As it was stored; keys of newer releases are left out."""
        known = {k: v for k, v in stored.items() if k in cls.__slots__}
        return cls(**{**known, "sizes": tuple(stored["sizes"])})


def plan(rollout: Rollout, *, reachable: int, away: int) -> RolloutState:
    """The batches of so many hosts. Of those that are away all are waited for, or none."""
    hosts = reachable + away
    sizes = _batches(rollout, reachable, hosts)
    return RolloutState(
        sizes=tuple(sizes),
        has_canary=bool(rollout.canary and sizes),
        late=away if rollout.wait_offline_secs else 0,
        quorum=hosts_in(rollout.quorum, hosts) if rollout.quorum is not None else None,
        # Without anybody to begin with, those that are away are waited for at once.
        released=1,
    )


def _batches(rollout: Rollout, reachable: int, hosts: int) -> list[int]:
    """Sizes that add up to those that can be reached; a share is one of all hosts."""
    sizes: list[int] = []
    left = reachable
    if rollout.canary and left:
        sizes.append(min(rollout.canary, left))
        left -= sizes[-1]
    size = hosts_in(rollout.batch, hosts) if rollout.batch is not None else left
    while left > 0:
        sizes.append(min(size, left))
        left -= sizes[-1]
    return sizes


def batch_numbers(state: RolloutState) -> list[int]:
    """The batch of each host that can be reached, in their order; the first batch is 1."""
    return [number for number, size in enumerate(state.sizes, 1) for _ in range(size)]


def waiting_words(state: RolloutState, batch: int) -> str:
    """What a host is told to wait for, for people."""
    return f"waits for batch {batch} of {len(state.sizes)} of the rollout"


def late_words(rollout: Rollout) -> str:
    """The same for a host that is offline."""
    return f"the host is offline; it is waited for up to {rollout.wait_offline_secs} s"

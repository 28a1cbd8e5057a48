"""How long to wait for a silent agent, and how long its copy may run on without a word from us. Pure.

With `on_lost: retry` the agent kills its copy before the controller hands the work to another:

    self_fence x 1.01 + kill_grace + slack < lost_after

The agent counts from the sending of its last acknowledged call, the controller from the renewal it last wrote; 1 % is
how far their clocks may drift apart.
"""

from dataclasses import dataclass
from typing import Final

from tocsin_controller.definitions import BrokenDefinition
from tocsin_shared.jobs import JobDefinition, OnLost

DRIFT: Final = 1.01
#: From SIGKILL to the end of what it hits.
KILL_SECS: Final = 1.0
#: For jobs whose definition can't be read.
DEFAULT_PATIENCE_SECS: Final = 300.0


def longest_gap_secs(lease_secs: float) -> float:
    """How long nobody may have looked at the fleet before that counts as an outage, and the brake goes on.

    Looks are about a second apart, so a shorter gap is no sign of anything, however short the lease.
    """
    return max(lease_secs / 2, 4.0)


@dataclass(frozen=True, slots=True)
class LossPace:
    """The cadence that the rules of loss depend on, in seconds."""

    lease_secs: float = 45.0
    heartbeat_secs: float = 10.0

    @property
    def slack_secs(self) -> float:
        """How far the last written renewal may lie before the call that the agent had acknowledged.

        Renewals are written in batches, and not for each of many polls; a batch may be lost with its controller,
        or wait out a short outage of the database. A longer one puts the brake on.
        """
        return longest_gap_secs(self.lease_secs) + self.heartbeat_secs

    def least_lost_after_secs(self, job: JobDefinition) -> float:
        """The shortest `lost_after_secs` that leaves a healthy agent a whole lease before it must kill its copy."""
        return self.lease_secs * DRIFT + self._end_secs(job)

    def patience_secs(self, job: JobDefinition | BrokenDefinition) -> float:
        """How long the agent must have been silent before the execution is lost.

        Longer than the job says when the settings of the controllers have changed since it was checked.
        """
        if isinstance(job, BrokenDefinition):
            return DEFAULT_PATIENCE_SECS
        if job.on_lost is OnLost.RETRY:
            return max(job.lost_after_secs, self.least_lost_after_secs(job))
        return job.lost_after_secs

    def self_fence_secs(self, job: JobDefinition) -> float | None:
        """After how long without an acknowledged call the agent kills its copy; None: never."""
        if job.on_lost is not OnLost.RETRY:
            return None
        return (self.patience_secs(job) - self._end_secs(job)) / DRIFT

    def _end_secs(self, job: JobDefinition) -> float:
        return job.kill_grace_secs + KILL_SECS + self.slack_secs

"""Whether and when a failed execution is tried again. Pure.

Only known outcomes are retried (failed, timed_out): a lost execution may still be running (G3).
"""

from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.jobs import JobDefinition

#: No wait between attempts is longer.
LONGEST_DELAY_SECS = 3600.0

_RETRIED = frozenset({ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT})
#: Failures that say nothing about the task itself, or whose outcome is not known.
_NOT_RETRIED = frozenset({Reason.INTERRUPTED, Reason.NO_AGENT, Reason.AGENT_REMOVED, Reason.JOB_DELETED})


def retry_delay_secs(
    job: JobDefinition, status: ExecutionStatus, reason: Reason | None, attempt_number: int
) -> float | None:
    """How long to wait before the next attempt; None when there is none.

    The first wait is `retry_delay_secs`, each further one `retry_backoff` times the one before: 5, 10, 20 s for
    a delay of 5 and a backoff of 2, as the documents of the shared API promise.
    """
    if status not in _RETRIED or reason in _NOT_RETRIED or attempt_number > job.retry_max:
        return None
    try:
        delay = job.retry_delay_secs * job.retry_backoff ** (attempt_number - 1)
    except OverflowError:
        return LONGEST_DELAY_SECS
    return min(delay, LONGEST_DELAY_SECS)

"""Whether and when an execution that did not succeed is tried again. Pure.

Two budgets that are never mixed: `retry_max` for known outcomes (failed, timed_out), `on_lost_max` for unknown ones
(lost, interrupted), and the latter only where the job says that it may run twice (G3).
"""

from tocsin_shared.executions import ExecutionStatus, Reason
from tocsin_shared.jobs import JobDefinition, OnLost

_RETRIED = frozenset({ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT})
#: Failures that say nothing about the task itself, or are about one that did succeed.
_NOT_RETRIED = frozenset(
    {
        Reason.NO_AGENT,
        Reason.AGENT_REMOVED,
        Reason.JOB_DELETED,
        Reason.ASSERTION_FAILED,
        Reason.RULES_FAILED,
    }
)
#: The agent may have a copy that nobody can tell to stop; it ends that itself, as a silent agent does.
_OUT_OF_REACH = frozenset({Reason.AGENT_FORGOT, Reason.AGENT_REMOVED})
#: The copy is dead, but how far it got is not known.
_CUT_OFF = frozenset({Reason.INTERRUPTED, Reason.SELF_FENCED})


def is_unknown(status: ExecutionStatus, reason: Reason | None) -> bool:
    """Whether nobody knows what the execution did; the same rule stands in lost_attempts.sql."""
    return status is ExecutionStatus.LOST or reason in _CUT_OFF


def retry_delay_secs(
    job: JobDefinition,
    status: ExecutionStatus,
    reason: Reason | None,
    attempt_number: int,
    lost_before: int = 0,
) -> float | None:
    """How long to wait before the next attempt; None when there is none.

    `lost_before` is how many of the earlier attempts had unknown outcomes. After a known failure the first wait is
    `retry_delay_secs`, each further one `retry_backoff` times the one before: 5, 10, 20 s for a delay of 5 and a
    backoff of 2, as the documents of the shared API promise.
    """
    if is_unknown(status, reason):
        return _delay_after_loss(job, reason, lost_before)
    failures = attempt_number - lost_before
    if status not in _RETRIED or reason in _NOT_RETRIED or failures > job.retry_max:
        return None
    try:
        delay = job.retry_delay_secs * job.retry_backoff ** (failures - 1)
    except OverflowError:
        return job.retry_delay_max_secs
    return min(delay, job.retry_delay_max_secs)


def _delay_after_loss(job: JobDefinition, reason: Reason | None, lost_before: int) -> float | None:
    if job.on_lost is not OnLost.RETRY or lost_before >= job.on_lost_max:
        return None
    if reason in _OUT_OF_REACH:
        return float(job.lost_after_secs)
    return float(min(job.retry_delay_secs, job.retry_delay_max_secs))

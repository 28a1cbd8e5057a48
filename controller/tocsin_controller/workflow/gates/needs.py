"""Which jobs need more than one statement to launch. Pure."""

from tocsin_controller.workflow.alerts.streaks import watches_starts
from tocsin_controller.workflow.gates.places import is_skipping, needs_places
from tocsin_shared.jobs import JobDefinition


def is_gated(job: JobDefinition) -> bool:
    """Whether a run of this job, or a part of it, may have to wait, may not happen, or is to be looked at later."""
    may_wait = job.approval_required or is_skipping(job) or needs_places(job) or job.rollout is not None
    return may_wait or watches_starts(job)

"""Which gates a job has. Pure."""

from tocsin_controller.workflow.gates.places import is_skipping, needs_places
from tocsin_shared.jobs import JobDefinition


def is_gated(job: JobDefinition) -> bool:
    """Whether a run of this job may have to wait, or may not happen, because of a gate."""
    return job.approval_required or is_skipping(job) or needs_places(job)

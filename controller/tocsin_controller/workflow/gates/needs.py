"""Which jobs need more than one statement to launch. Pure."""

from tocsin_controller.workflow.gates.places import is_skipping, needs_places
from tocsin_shared.jobs import JobDefinition


def is_gated(job: JobDefinition) -> bool:
    """Whether a run of this job, or a part of it, may have to wait, or may not happen."""
    return job.approval_required or is_skipping(job) or needs_places(job) or job.rollout is not None

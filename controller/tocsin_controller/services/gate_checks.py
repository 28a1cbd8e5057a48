"""What does not hold together in a job's gates."""

from tocsin_shared.errors import FieldError
from tocsin_shared.gates import Overlap
from tocsin_shared.jobs import JobDefinition


def check_gates(job: JobDefinition) -> list[FieldError]:
    """Everything wrong with approval and limits."""
    wrong: list[FieldError] = []
    if job.overlap is not Overlap.SKIP and not job.max_concurrent:
        wrong.append(FieldError("overlap", f"`{job.overlap}` needs max_concurrent of at least 1"))
    return wrong

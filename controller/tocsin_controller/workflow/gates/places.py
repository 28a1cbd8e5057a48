"""Who gets a place: of a job's own limit, of a key that jobs share. Pure.

A run needs one place on each of its keys and gets all of them at once or none, so nobody holds one while waiting for
another. First come, first served on each key; but who waits for another key only keeps nobody from this one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from tocsin_controller.store.places import Asking, Need, OnKey, Taken
from tocsin_shared.executions import Reason
from tocsin_shared.gates import Overlap
from tocsin_shared.jobs import JobDefinition


def own_key(job_id: UUID) -> str:
    """The key of a job's own limit."""
    return f"job:{job_id}"


def needs_of(job_id: UUID, job: JobDefinition) -> tuple[Need, ...]:
    """The places that each run of the job needs."""
    needs: list[Need] = []
    if job.max_concurrent and job.overlap is not Overlap.SKIP:
        needs.append(Need(own_key(job_id), job.max_concurrent, job.overlap is Overlap.REPLACE))
    if job.concurrency is not None:
        needs.append(Need(f"key:{job.concurrency.key}", job.concurrency.limit))
    return tuple(needs)


def needs_places(job: JobDefinition) -> bool:
    """Whether runs of the job hold places."""
    return job.concurrency is not None or bool(job.max_concurrent and job.overlap is not Overlap.SKIP)


def has_limits(job: JobDefinition) -> bool:
    """Whether the end of an execution makes room that others may wait for."""
    return needs_places(job) or job.max_per_agent is not None


def is_skipping(job: JobDefinition) -> bool:
    """Whether a run is skipped while enough others are open."""
    return bool(job.max_concurrent) and job.overlap is Overlap.SKIP


class Refused(NamedTuple):
    """The run will not happen, and why."""

    reason: Reason
    message: str


@dataclass(slots=True)
class Tally:
    """How everything stands while one new run after the other is let in."""

    #: By key.
    taken: dict[str, Taken] = field(default_factory=dict)
    #: Runs that wait, by job.
    waiting: dict[UUID, int] = field(default_factory=dict)
    #: Runs that have not ended, by job; of jobs that skip.
    open: dict[UUID, int] = field(default_factory=dict)

    def count_open(self, job_id: UUID, job: JobDefinition) -> Refused | None:
        """Count a new run of a job among its open ones, unless there are enough."""
        if not is_skipping(job):
            return None
        number = self.open.get(job_id, 0)
        if number >= job.max_concurrent:
            message = f"{number} runs of the job were open; max_concurrent is {job.max_concurrent}"
            return Refused(Reason.OVERLAP, message)
        self.open[job_id] = number + 1
        return None

    def take(self, job_id: UUID, job: JobDefinition) -> bool | Refused:
        """Whether a new run gets its places at once; it waits otherwise, unless too many of its job do."""
        needs = needs_of(job_id, job)
        stands = [(need, self.taken.get(need.key, Taken())) for need in needs]
        is_held = all(stand.has_room(need.at_most) and not stand.waiting for need, stand in stands)
        if not is_held:
            waiting = self.waiting.get(job_id, 0)
            if waiting >= job.max_queued:
                message = (
                    f"{waiting} runs of the job were waiting for a place; max_queued is {job.max_queued}"
                )
                return Refused(Reason.QUEUE_FULL, message)
            self.waiting[job_id] = waiting + 1
        for need, stand in stands:
            self.taken[need.key] = (
                stand.with_holder(need.at_most) if is_held else stand._replace(waiting=stand.waiting + 1)
            )
        return is_held


def why_waiting(job: JobDefinition) -> str:
    """What a run of the job waits for, for people."""
    parts = []
    if job.max_concurrent and job.overlap is not Overlap.SKIP:
        replaces = "; it replaces the oldest" if job.overlap is Overlap.REPLACE else ""
        parts.append(f"max_concurrent is {job.max_concurrent}{replaces}")
    if job.concurrency is not None:
        parts.append(f"at most {job.concurrency.limit} may hold the key '{job.concurrency.key}'")
    return f"waits for a place: {', and '.join(parts)}"


def to_admit(waiting: Sequence[Asking], taken: Mapping[str, Taken]) -> list[Asking]:
    """Those of the waiting, given in their order, that get their places now.

    A run that lacks a place on one key only keeps that key from all behind it: else one that needs the key for itself
    would never see it free.
    """
    stands = dict(taken)
    reserved: set[str] = set()
    admitted = []
    for run in waiting:
        lacking = [
            need.key
            for need in run.needs
            if need.key in reserved or not stands.get(need.key, Taken()).has_room(need.at_most)
        ]
        if not lacking:
            admitted.append(run)
            for need in run.needs:
                stands[need.key] = stands.get(need.key, Taken()).with_holder(need.at_most)
        elif len(lacking) == 1:
            reserved.add(lacking[0])
    return admitted


def to_replace(on_key: Sequence[OnKey]) -> list[tuple[UUID, UUID]]:
    """Runs, given oldest first, that have to end for a newer one: (run, the newer one). Without those asked before."""
    newest = max(
        (i for i, run in enumerate(on_key) if run.is_replacing and run.held_at is None), default=None
    )
    if newest is None:
        return []
    newer = on_key[newest]
    return [
        (run.run_id, newer.run_id)
        for run in on_key[: max(newest + 1 - newer.at_most, 0)]
        if run.replaced_by is None
    ]

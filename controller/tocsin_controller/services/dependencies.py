"""What a job waits for: checked when it is saved, shown when it is read."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from tocsin_controller.services.job_checks import refuse
from tocsin_controller.store.database import Queries, Session
from tocsin_controller.store.dependencies import (
    Awaited,
    dependencies_above,
    dependency_states,
    dependents_of,
    jobs_named,
    lock_dependencies,
    set_dependencies,
)
from tocsin_controller.workflow.dependencies import missing, why_not
from tocsin_controller.workflow.graph import find_path
from tocsin_shared.dependencies import Dependency, DependencyStatus
from tocsin_shared.errors import Conflict, FieldError
from tocsin_shared.jobs import JobDefinition

#: So many dependents are named in a refusal.
MOST_NAMED = 10
#: Of a longer circle the middle is left out.
MOST_IN_A_CIRCLE = 8


async def resolve(
    session: Session, definition: JobDefinition, before: Sequence[Dependency] = (), job_id: UUID | None = None
) -> JobDefinition:
    """The definition with its dependencies named by id. Raises InvalidInput for what doesn't exist or goes round.

    Locks the writing of dependencies when they change, so what was found holds until the transaction ends.
    """
    wanted = definition.depends_on
    if wanted == list(before):
        return definition
    await lock_dependencies(session)
    known = await jobs_named(session, {d.job_id for d in wanted})
    wrong: list[FieldError] = []
    resolved: list[Dependency] = []
    for number, dependency in enumerate(wanted):
        field, found = f"depends_on.{number}.job_id", known.get(dependency.job_id)
        if found is None:
            wrong.append(FieldError(field, "there is no such job"))
        elif found == job_id or dependency.job_id == definition.name:
            wrong.append(FieldError(field, "a job can't wait for itself"))
        elif any(found == earlier.job_id for earlier in resolved):
            wrong.append(FieldError(field, "is named twice"))
        else:
            resolved.append(dependency.model_copy(update={"job_id": found}))
    refuse(wrong)
    if job_id is not None and resolved:
        refuse(await _circles(session, job_id, definition.name, resolved))
    return definition.model_copy(update={"depends_on": resolved})


async def save(session: Session, job_id: UUID, definition: JobDefinition) -> None:
    """Keep what `resolve` found, beside the definition."""
    await set_dependencies(session, job_id, definition.depends_on)


async def refuse_with_dependents(session: Session, job_id: UUID, name: str) -> None:
    """Raises Conflict while other jobs wait for this one. Nobody adds such a job until the transaction ends."""
    await lock_dependencies(session)
    names = await dependents_of(session, job_id, MOST_NAMED + 1)
    if names:
        listed = ", ".join(f"'{one}'" for one in names[:MOST_NAMED])
        more = " and others" if len(names) > MOST_NAMED else ""
        raise Conflict(f"job '{name}' can't be deleted: {listed}{more} wait for it")


async def show_dependencies(
    db: Queries, definitions: dict[UUID, dict[str, Any]]
) -> dict[UUID, dict[str, Any]]:
    """`deps_satisfied` and `deps_status` of those of these jobs (id → stored definition) that wait for others."""
    waiting = [job_id for job_id, definition in definitions.items() if definition.get("depends_on")]
    if not waiting:
        return {}
    states = await dependency_states(db, waiting)
    return {
        job_id: {
            "deps_satisfied": missing(states.get(job_id, ())) is None,
            "deps_status": [_shown(one) for one in states.get(job_id, ())],
        }
        for job_id in waiting
    }


async def _circles(
    session: Session, job_id: UUID, name: str, wanted: Sequence[Dependency]
) -> list[FieldError]:
    parents = [UUID(str(d.job_id)) for d in wanted]
    above = await dependencies_above(session, parents)
    edges = [(edge.parent_id, edge.job_id) for edge in above]
    names = {edge.parent_id: edge.parent_name for edge in above}
    names |= {edge.job_id: edge.job_name for edge in above} | {job_id: name}
    wrong: list[FieldError] = []
    for number, parent in enumerate(parents):
        path = find_path(edges, job_id, parent)
        if path is not None:
            circle = " → ".join(_shortened([str(names.get(one) or one) for one in [*path, job_id]]))
            wrong.append(
                FieldError(f"depends_on.{number}.job_id", f"jobs would wait for each other: {circle}")
            )
    return wrong


def _shortened(names: list[str]) -> list[str]:
    half = MOST_IN_A_CIRCLE // 2
    return names if len(names) <= MOST_IN_A_CIRCLE else [*names[:half], "...", *names[-half:]]


def _shown(one: Awaited) -> dict[str, Any]:
    why = why_not(one)
    return DependencyStatus(
        job_id=one.job_id,
        job_name=one.job_name,
        within_secs=one.within_secs,
        satisfied=why is None,
        condition=one.condition,
        run_id=one.run_id,
        run_status=one.status,
        finished_at=one.finished_at,
        why=why,
    ).model_dump()

"""Jobs as code: makes jobs be as documents say, in one transaction, or tells everything that is wrong."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from tocsin_controller.security.roles import Principal
from tocsin_controller.services.apply_plan import (
    Wanted,
    at,
    ids_of_names,
    in_order,
    mentioned,
    name_of_plan,
    plan_of,
    understand,
)
from tocsin_controller.services.deadlocks import again_after_deadlock
from tocsin_controller.services.etags import etag_of
from tocsin_controller.services.jobs import JobService
from tocsin_controller.store.as_code import agents_named, jobs_by_names, jobs_in_scope
from tocsin_controller.store.bulk import names_of
from tocsin_controller.store.database import Database, Record, Session
from tocsin_controller.workflow.ending import Aftermath
from tocsin_shared.applying import MOST_DOCUMENTS, ApplyAction, ApplyAnswer, ApplyRequest, PruneScope
from tocsin_shared.errors import Conflict, FieldError, InvalidInput, TocsinError
from tocsin_shared.jobs import JobStatus
from tocsin_shared.manifest import Names, named_in

T = TypeVar("T")

#: Findings that are told; more help nobody.
MOST_DETAILS: Final = 200
#: From so many documents on they are parsed outside the event loop.
MANY: Final = 20


class ApplyService:
    """Jobs as code."""

    def __init__(self, db: Database, jobs: JobService) -> None:
        self._db = db
        self._jobs = jobs

    @again_after_deadlock
    async def apply(self, body: ApplyRequest, by: Principal) -> ApplyAnswer:
        """Plan, and carry out unless it is a rehearsal. Raises InvalidInput and Conflict with all that is wrong."""
        wanted = await self._understand(body)
        deleted = await self._to_delete(body.prune, {one.definition.name for one in wanted})
        plan = name_of_plan(wanted, deleted)
        if body.expect is not None and body.expect != plan:
            raise Conflict("something else would change by now than was planned; look at the new plan")
        work = _Work(self._jobs, by)
        is_work = bool(deleted) or any(one.action is not ApplyAction.UNCHANGED for one in wanted)
        if is_work:
            await self._carry_out(work, wanted, deleted, body.dry_run)
        jobs = plan_of(wanted, deleted)
        if is_work and not body.dry_run:
            self._jobs.announce(*work.aftermaths)
            created = {one.definition.name: one.job_id for one in wanted}
            jobs = [one.model_copy(update={"job_id": one.job_id or created[one.name]}) for one in jobs]
        counts = {action: sum(one.action is action for one in jobs) for action in ApplyAction}
        return ApplyAnswer(
            applied=not body.dry_run,
            plan=plan,
            created=counts[ApplyAction.CREATE],
            changed=counts[ApplyAction.CHANGE],
            unchanged=counts[ApplyAction.UNCHANGED],
            deleted=counts[ApplyAction.DELETE],
            jobs=jobs,
        )

    async def _understand(self, body: ApplyRequest) -> list[Wanted]:
        """Raises InvalidInput with everything that is wrong with the documents by themselves."""
        documents = body.documents
        names = {document["name"] for document in documents if isinstance(document.get("name"), str)}
        agents: set[str] = set()
        for document in documents:
            other_agents, other_jobs = named_in(document)
            agents |= other_agents
            names |= other_jobs
        known = await jobs_by_names(self._db, names)
        ids = ids_of_names(documents, known)
        others = mentioned(known) - set(ids.values())
        ids |= {name: one for one, name in (await names_of(self._db, list(others))).items()} if others else {}
        meant = Names(await agents_named(self._db, agents) if agents else {}, ids)
        if len(documents) < MANY:
            wanted, wrong = understand(documents, known, meant, body.managed_by)
        else:
            wanted, wrong = await asyncio.to_thread(understand, documents, known, meant, body.managed_by)
        _refuse(wrong)
        return wanted

    async def _to_delete(self, scope: PruneScope | None, kept: set[str]) -> list[Record]:
        if scope is None:
            return []
        rows = await jobs_in_scope(
            self._db, group=scope.group, managed_by=scope.managed_by, limit=2 * MOST_DOCUMENTS + 1
        )
        gone = [row for row in rows if row["name"] not in kept]
        if len(gone) > MOST_DOCUMENTS or len(rows) > 2 * MOST_DOCUMENTS:
            raise InvalidInput.field("prune", f"would delete more than {MOST_DOCUMENTS} jobs")
        return gone

    async def _carry_out(
        self, work: "_Work", wanted: Sequence[Wanted], deleted: Sequence[Record], is_rehearsal: bool
    ) -> None:
        try:
            async with self._db.transaction() as session:
                await work.lock_all(session, wanted, deleted)
                await work.save_all(session, wanted)
                await work.delete_all(session, deleted)
                work.raise_if_anything_is_wrong()
                if is_rehearsal:
                    raise _Rehearsed
        except _Rehearsed:
            return


class _Work:
    """One request's transaction. What fails is noted and the rest is tried too, so that all is told at once."""

    def __init__(self, jobs: JobService, by: Principal) -> None:
        self._jobs = jobs
        self._by = by
        self._wrong: list[FieldError] = []
        self._is_conflict = True
        self._locked: dict[UUID, Record] = {}
        self.aftermaths: list[Aftermath] = []

    async def lock_all(self, session: Session, wanted: Sequence[Wanted], deleted: Sequence[Record]) -> None:
        """Every job that will be touched, in the same order for everybody; each must still be as it was seen."""
        seen = [one.row for one in wanted if one.row is not None and one.action is ApplyAction.CHANGE]
        for row in sorted([*seen, *deleted], key=lambda row: str(row["id"])):
            job_id = UUID(str(row["id"]))
            self._locked[job_id] = await self._jobs.lock_in(session, job_id, row["name"])
            if etag_of(self._locked[job_id]) != etag_of(row):
                raise Conflict(f"job '{row['name']}' was changed by somebody else meanwhile; try again")

    async def save_all(self, session: Session, wanted: Sequence[Wanted]) -> None:
        """Create and change."""

        async def save(one: Wanted) -> None:
            await self._save(session, one)

        changed = [one for one in in_order(wanted) if one.action is not ApplyAction.UNCHANGED]
        for one, error in await _until_nothing_moves(session, changed, save):
            self._note(error, at(one.index, error.details or [FieldError("", str(error))]))

    async def delete_all(self, session: Session, rows: Sequence[Record]) -> None:
        """Delete, dependents first."""

        async def delete(row: Record) -> None:
            locked = self._locked[UUID(str(row["id"]))]
            self.aftermaths.append(await self._jobs.delete_in(session, locked, self._by))

        for row, error in await _until_nothing_moves(session, rows, delete):
            self._note(error, [FieldError("prune", f"'{row['name']}' can't be deleted: {error}")])

    def raise_if_anything_is_wrong(self) -> None:
        """Raises InvalidInput, or Conflict when nothing is wrong with the documents as such."""
        _refuse(self._wrong, is_conflict=self._is_conflict)

    async def _save(self, session: Session, one: Wanted) -> None:
        if one.row is None:
            status = one.status or JobStatus.SCHEDULED
            await self._jobs.create_in(session, one.definition, status, self._by, job_id=one.job_id)
        else:
            row = self._locked[one.job_id]
            await self._jobs.save_in(session, row, one.definition, one.status, self._by, note="applied")

    def _note(self, error: TocsinError, details: list[FieldError]) -> None:
        self._wrong += details
        self._is_conflict &= not isinstance(error, InvalidInput)


async def _until_nothing_moves(
    session: Session, things: Sequence[T], act: Callable[[T], Awaitable[Any]]
) -> list[tuple[T, TocsinError]]:
    """Act on each; what failed is tried again as long as others succeed, which may have stood in its way.

    So jobs may refer to each other in any order, take each other's names, and turn a dependency round.
    """
    waiting = list(things)
    while True:
        failed: list[tuple[T, TocsinError]] = []
        for one in waiting:
            try:
                async with session.transaction():
                    await act(one)
            except TocsinError as error:
                if error.status >= 500:
                    raise
                failed.append((one, error))
        if not failed or len(failed) == len(waiting):
            return failed
        waiting = [one for one, _ in failed]


def _refuse(wrong: Sequence[FieldError], *, is_conflict: bool = False) -> None:
    if not wrong:
        return
    kind = Conflict if is_conflict else InvalidInput
    first, more = wrong[0], f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    raise kind(
        f"nothing was changed: {first.field}: {first.reason}{more}", details=list(wrong[:MOST_DETAILS])
    )


class _Rehearsed(Exception):
    """Roll back."""

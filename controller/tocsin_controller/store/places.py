"""Questions about places: which runs hold the keys that limit them, and which wait.

Whoever gives places away locks the keys first, so what is counted stays true until the transaction ends.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from tocsin_controller.store.database import Queries, Record, Session
from tocsin_controller.store.leasing import Lane, NewWork, lanes_of
from tocsin_controller.store.statements import sql

_LOCK_KEYS = sql("lock_keys")
_PLACES_TAKEN = sql("places_taken")
_RUNS_WAITING = sql("runs_waiting")
_INSERT_PLACES = sql("insert_places")
_KEYS_WAITED_FOR = sql("keys_waited_for")
_WAITING_FOR_KEY = sql("waiting_for_key")
_RUNS_ON_KEY = sql("runs_on_key")
_RELEASE_QUEUE = sql("release_queue")
_RELEASE_EXECUTIONS = sql("release_executions")
_RELEASE_RUNS = sql("release_runs")
_HOLD_PLACES = sql("hold_places")
_FREE_PLACES = sql("free_places")
_SWEEP_PLACES = sql("sweep_places")
_NOTE_REPLACED = sql("note_replaced")
_NOTE_WAITING = sql("note_waiting")
_PLACES_OF_RUN = sql("places_of_run")


class Need(NamedTuple):
    """One place that a run needs before it may start."""

    key: str
    at_most: int
    is_replacing: bool = False


class Taken(NamedTuple):
    """How a key stands."""

    held: int = 0
    waiting: int = 0
    #: The lowest limit among those that hold it; None: nobody does.
    strictest: int | None = None

    def has_room(self, at_most: int) -> bool:
        """Whether one more may hold it without there being more than its limit, or that of another holder, allows."""
        return self.held < min(at_most, self.strictest or at_most)

    def with_holder(self, at_most: int) -> "Taken":
        """How it stands once one more holds it."""
        return self._replace(held=self.held + 1, strictest=min(at_most, self.strictest or at_most))


class Asking(NamedTuple):
    """A run and what it needs."""

    run_id: UUID
    job_id: UUID
    job_version: int
    needs: tuple[Need, ...]


class OnKey(NamedTuple):
    """A run that holds a key or waits for it."""

    run_id: UUID
    at_most: int
    is_replacing: bool
    held_at: datetime | None
    #: Set when it was asked to end.
    replaced_by: UUID | None


async def lock_keys(session: Session, keys: Iterable[str]) -> None:
    """Until the transaction ends nobody else gives away places on these keys."""
    if wanted := list(keys):
        await session.fetch(_LOCK_KEYS, wanted)


async def places_taken(session: Queries, keys: Iterable[str]) -> dict[str, Taken]:
    """How each of these keys stands."""
    wanted = list(keys)
    taken = dict.fromkeys(wanted, Taken())
    for row in await session.fetch(_PLACES_TAKEN, wanted):
        taken[row["key"]] = Taken(row["held"], row["waiting"], row["strictest"])
    return taken


async def count_waiting(session: Session, job_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many runs of each of these jobs wait for a place."""
    return {row["job_id"]: row["waiting"] for row in await session.fetch(_RUNS_WAITING, list(job_ids))}


async def insert_places(session: Session, asking: Sequence[tuple[Asking, bool]]) -> None:
    """These runs hold what they need, or wait for it."""
    rows = [(run, need, is_held) for run, is_held in asking for need in run.needs]
    await session.execute(
        _INSERT_PLACES,
        [run.run_id for run, _, _ in rows],
        [need.key for _, need, _ in rows],
        [run.job_id for run, _, _ in rows],
        [run.job_version for run, _, _ in rows],
        [need.at_most for _, need, _ in rows],
        [need.is_replacing for _, need, _ in rows],
        [is_held for _, _, is_held in rows],
    )


async def keys_waited_for(session: Queries) -> list[str]:
    """The keys on which there may be something to do for those that wait."""
    return [row["key"] for row in await session.fetch(_KEYS_WAITED_FOR)]


async def waiting_for_key(session: Queries, key: str) -> list[Asking]:
    """Who waits for a key, in order; of each job the first ones."""
    runs: dict[UUID, Asking] = {}
    for row in await session.fetch(_WAITING_FOR_KEY, key):
        need = Need(row["key"], row["at_most"])
        known = runs.get(row["run_id"]) or Asking(row["run_id"], row["job_id"], row["job_version"], ())
        runs[row["run_id"]] = known._replace(needs=(*known.needs, need))
    return list(runs.values())


async def runs_on_key(session: Session, key: str) -> list[OnKey]:
    """Who holds a key or waits for it, oldest first."""
    return [OnKey(*row) for row in await session.fetch(_RUNS_ON_KEY, key)]


async def release(session: Session, queue_timeout_secs: Mapping[UUID, float]) -> dict[Lane, NewWork]:
    """These runs got their places: their executions may be taken. Where the dispatcher finds them.

    In the order in which a cancel goes through the same rows.
    """
    run_ids = list(queue_timeout_secs)
    rows = await session.fetch(
        _RELEASE_QUEUE, run_ids, [float(queue_timeout_secs[run_id]) for run_id in run_ids]
    )
    lanes = lanes_of(rows)
    await session.execute(_RELEASE_EXECUTIONS, run_ids)
    await session.execute(_RELEASE_RUNS, run_ids)
    await session.execute(_HOLD_PLACES, run_ids)
    return lanes


async def free_places(session: Session, run_ids: Sequence[UUID]) -> bool:
    """Those of these runs that have ended hold nothing any more; whether that made room."""
    return bool(run_ids) and bool(await session.fetch(_FREE_PLACES, list(run_ids)))


async def sweep_places(session: Queries) -> int:
    """Take back what ended or vanished runs still hold; how many places that were."""
    return len(await session.fetch(_SWEEP_PLACES))


async def note_replaced(session: Session, run_id: UUID, by_run: UUID) -> None:
    """This run was asked to end for a newer one."""
    await session.execute(_NOTE_REPLACED, run_id, by_run)


async def note_waiting(session: Session, run_id: UUID, message: str) -> None:
    """Let people see that the run waits for a place."""
    await session.execute(_NOTE_WAITING, run_id, message)


async def places_of_run(session: Queries, run_id: UUID) -> list[Record]:
    """What a run waits for and who is before it: a row for each other run, one with None where there is none."""
    return await session.fetch(_PLACES_OF_RUN, run_id)

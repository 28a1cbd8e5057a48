"""Connections that agents are asked to try, for the minute that it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tocsin_controller.store.database import Queries
from tocsin_controller.store.statements import sql
from tocsin_shared.protocol import TrialResult

_ADD = sql("add_trial")
_TAKE = sql("take_trials")
_END = sql("end_trials")
_FIND = sql("find_trial")
_DROP = sql("drop_trial")


@dataclass(frozen=True, slots=True)
class Trial:
    """How far one is."""

    is_told: bool
    success: bool | None
    message: str

    @property
    def is_over(self) -> bool:
        """Whether the agent has answered."""
        return self.success is not None


async def add_trial(
    db: Queries, trial_id: UUID, agent_id: UUID, connection: str, lasts_secs: float, most: int
) -> bool:
    """Ask an agent to try a connection; False when `most` wait for it already. Raises ForeignKeyViolationError."""
    return await db.fetchval(_ADD, trial_id, agent_id, connection, lasts_secs, most) is not None


async def take_trials(db: Queries, agent_id: UUID, most: int) -> list[tuple[UUID, str]]:
    """What an agent is to try and was not told yet: id and connection. Each is taken once."""
    return [(row["id"], row["connection"]) for row in await db.fetch(_TAKE, agent_id, most)]


async def end_trials(db: Queries, agent_id: UUID, results: Sequence[TrialResult]) -> None:
    """Keep what the agent says of those that it was told and has not answered yet."""
    await db.execute(
        _END,
        agent_id,
        [one.trial_id for one in results],
        [one.success for one in results],
        [one.message for one in results],
    )


async def find_trial(db: Queries, trial_id: UUID) -> Trial | None:
    """How far it is; None when it is gone, its agent too."""
    row = await db.fetchrow(_FIND, trial_id)
    return Trial(row["is_told"], row["success"], row["message"] or "") if row is not None else None


async def drop_trial(db: Queries, trial_id: UUID) -> None:
    """Nobody waits for it any more."""
    await db.execute(_DROP, trial_id)

"""Housekeeping of the database: partitions ahead, history that is too old away."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, TypeVar

import asyncpg

from tocsin_controller.jitter import jittered
from tocsin_controller.store.agents import forget_local_agents
from tocsin_controller.store.audit import forget_audit
from tocsin_controller.store.backfills import forget_backfilled
from tocsin_controller.store.counts import forget_counts
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.event_triggers import forget_event_chains
from tocsin_controller.store.jobs import read_clock
from tocsin_controller.store.notices import forget_bounds
from tocsin_controller.store.partitions import (
    drop_oldest_day,
    ensure_partitions,
    forget_unpartitioned,
    kept_since,
)
from tocsin_controller.store.pipelines import forget_pipelines
from tocsin_controller.store.settings import stored_days
from tocsin_controller.store.statements import sql
from tocsin_shared.ids import id_floor
from tocsin_shared.logs import log

T = TypeVar("T")

_LOCK = sql("lock_maintenance")
_TODAY = sql("today")
_FORGET_IDEMPOTENCY_KEYS = sql("forget_idempotency_keys")

EVERY_SECS: Final = 3600.0
#: After tables were in use. Each try may make statements of others wait as long as it waits itself.
AGAIN_SECS: Final = 60.0
#: Moving a day of history into its partition takes what it takes.
STATEMENT_TIMEOUT_SECS: Final = 600.0
#: Rows of the audit log that one round removes at most: more than people make in an hour.
AUDIT_BATCH: Final = 100_000
#: Days of history that one round drops at most: a clock that is wrong for an hour does not cost all of it.
DAYS_PER_ROUND: Final = 3


class _Elsewhere(Exception):
    """Another controller does this round, or a backup is being taken."""


class Maintenance:
    """Runs at start and every hour; whichever controller comes first does it.

    In steps of a transaction each: what locks whole tables is over before anything long begins.
    """

    def __init__(self, db: Database, *, retention_days: int, audit_retention_days: int) -> None:
        self._db = db
        self._retention_days = retention_days
        self._audit_retention_days = audit_retention_days

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            is_whole = await self.once()
            await asyncio.sleep(jittered(EVERY_SECS if is_whole else AGAIN_SECS))

    async def once(self) -> bool:
        """One round; False when tables were in use, and it should be tried again soon.

        A retention of 0 days keeps everything; what people set wins over the configuration.
        """
        async with self._db.hold(statement_timeout_secs=STATEMENT_TIMEOUT_SECS) as held:
            try:
                is_whole = await self._keep_partitions(held)
                for step in (self._forget_history, self._forget_the_rest):
                    await _alone(held, step)
            except _Elsewhere:
                return True
        return is_whole

    async def _keep_partitions(self, held: Session) -> bool:
        """Whether it could: rows of a day without a partition wait in the default one meanwhile."""
        created: list[str] = []
        dropped: list[str] = []
        try:
            created = await _alone(held, self._make_ahead)
            for _ in range(DAYS_PER_ROUND):
                day = await _alone(held, self._drop_a_day)
                dropped += day
                if not day:
                    break
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            log.warning("maintenance_waits_for_tables", error=str(error), retry_secs=AGAIN_SECS)
            return False
        finally:
            if created or dropped:
                log.info("partitions_maintained", created=len(created), dropped=dropped)
        return True

    async def _make_ahead(self, session: Session) -> list[str]:
        return await ensure_partitions(session, await session.fetchval(_TODAY))

    async def _drop_a_day(self, session: Session) -> list[str]:
        first_kept = await self._first_kept(session)
        return [] if first_kept is None else await drop_oldest_day(session, first_kept)

    async def _forget_history(self, session: Session) -> None:
        """What belongs to history that is gone."""
        first_kept = await self._first_kept(session)
        if first_kept is None:
            return
        since = await kept_since(session, first_kept)
        await forget_counts(session, since)
        await forget_backfilled(session, since)
        await forget_unpartitioned(session, since)
        await forget_pipelines(session, id_floor(datetime.combine(since, time(), UTC)))

    async def _first_kept(self, session: Session) -> date | None:
        kept_days = await stored_days(session, "retention_days", self._retention_days)
        if kept_days == 0:
            return None
        today: date = await session.fetchval(_TODAY)
        return today - timedelta(days=kept_days)

    async def _forget_the_rest(self, session: Session) -> None:
        await session.execute(_FORGET_IDEMPOTENCY_KEYS)
        await forget_event_chains(session)
        await forget_bounds(session)
        await forget_local_agents(session)
        audit_days = await stored_days(session, "audit_retention_days", self._audit_retention_days)
        if audit_days > 0:
            audit_since = await read_clock(session) - timedelta(days=audit_days)
            await forget_audit(session, audit_since, AUDIT_BATCH)


async def _alone(held: Session, work: Callable[[Session], Awaitable[T]]) -> T:
    """In a transaction of its own, on one controller at a time. Raises _Elsewhere."""
    async with held.transaction() as session:
        if not await session.fetchval(_LOCK):
            raise _Elsewhere
        return await work(session)

"""Housekeeping of the database: partitions ahead, history that is too old away."""

import asyncio
from datetime import UTC, datetime, time, timedelta

from tocsin_controller.jitter import jittered
from tocsin_controller.store.agents import forget_local_agents
from tocsin_controller.store.audit import forget_audit
from tocsin_controller.store.backfills import forget_backfilled
from tocsin_controller.store.counts import forget_counts
from tocsin_controller.store.database import Database
from tocsin_controller.store.event_triggers import forget_event_chains
from tocsin_controller.store.jobs import read_clock
from tocsin_controller.store.notices import forget_bounds
from tocsin_controller.store.partitions import drop_partitions_before, ensure_partitions
from tocsin_controller.store.pipelines import forget_pipelines
from tocsin_controller.store.settings import stored_days
from tocsin_controller.store.statements import sql
from tocsin_shared.ids import id_floor
from tocsin_shared.logs import log

_LOCK = sql("lock_maintenance")
_TODAY = sql("today")
_FORGET_IDEMPOTENCY_KEYS = sql("forget_idempotency_keys")

EVERY_SECS = 3600.0
#: Moving a day of history into its partition takes what it takes.
STATEMENT_TIMEOUT_SECS = 600.0
#: Rows of the audit log that one round removes at most: more than people make in an hour.
AUDIT_BATCH = 100_000


class Maintenance:
    """Runs at start and every hour; whichever controller comes first does it."""

    def __init__(self, db: Database, *, retention_days: int, audit_retention_days: int) -> None:
        self._db = db
        self._retention_days = retention_days
        self._audit_retention_days = audit_retention_days

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(jittered(EVERY_SECS))

    async def once(self) -> None:
        """One round. A retention of 0 days keeps everything; what people set wins over the configuration."""
        async with (
            self._db.hold(statement_timeout_secs=STATEMENT_TIMEOUT_SECS) as held,
            held.transaction() as session,
        ):
            if not await session.fetchval(_LOCK):
                return
            today = await session.fetchval(_TODAY)
            created = await ensure_partitions(session, today)
            dropped: list[str] = []
            kept_days = await stored_days(session, "retention_days", self._retention_days)
            if kept_days > 0:
                first_kept = today - timedelta(days=kept_days)
                dropped = await drop_partitions_before(session, first_kept)
                await forget_counts(session, first_kept)
                await forget_backfilled(session, first_kept)
                await forget_pipelines(session, id_floor(datetime.combine(first_kept, time(), UTC)))
            await session.execute(_FORGET_IDEMPOTENCY_KEYS)
            await forget_event_chains(session)
            await forget_bounds(session)
            await forget_local_agents(session)
            audit_days = await stored_days(session, "audit_retention_days", self._audit_retention_days)
            if audit_days > 0:
                kept_since = await read_clock(session) - timedelta(days=audit_days)
                await forget_audit(session, kept_since, AUDIT_BATCH)
        if created or dropped:
            log.info("partitions_maintained", created=len(created), dropped=dropped)

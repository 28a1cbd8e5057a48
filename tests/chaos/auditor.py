"""Keeps every write to an execution, by a trigger in the scenario's database: evidence that nobody tidies."""

import asyncpg

from tests.chaos.history import Change

_INSTALL = """
CREATE TABLE IF NOT EXISTS chaos_changes (
    number bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    execution_id uuid NOT NULL,
    old_status text, new_status text, old_fence bigint, new_fence bigint, reason text
);
CREATE OR REPLACE FUNCTION chaos_keep_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos_changes (execution_id, old_status, new_status, old_fence, new_fence, reason)
    VALUES (coalesce(NEW.id, OLD.id), OLD.status, NEW.status,
            coalesce(OLD.fence, 0), coalesce(NEW.fence, 0), NEW.reason);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER chaos_keep_change AFTER INSERT OR UPDATE OR DELETE ON executions
    FOR EACH ROW EXECUTE FUNCTION chaos_keep_change();
"""

_READ = """
SELECT number, (extract(epoch FROM at) * 1000000)::bigint * 1000 AS at_ns, execution_id::text AS execution_id,
       old_status, new_status, old_fence, new_fence, reason
FROM chaos_changes ORDER BY number
"""


async def install(dsn: str) -> None:
    """Begin to watch. The schema must exist."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_INSTALL)
    finally:
        await connection.close()


async def changes(dsn: str) -> list[Change]:
    """All that was seen."""
    connection = await asyncpg.connect(dsn)
    try:
        return [Change(**row) for row in await connection.fetch(_READ)]
    finally:
        await connection.close()

-- Somebody wants these handed-out executions ended; the first request's time is kept (G9). Leases are locked in the order
-- of lock_leases. Index: primary keys.
WITH locked AS (
    SELECT execution_id FROM leases WHERE execution_id = ANY($1::uuid[]) ORDER BY execution_id FOR UPDATE
), asked AS (
    UPDATE leases AS l
    SET cancel_requested_at = coalesce(l.cancel_requested_at, now())
    FROM locked
    WHERE l.execution_id = locked.execution_id
    RETURNING l.execution_id, l.agent_id, l.cancel_requested_at
), noted AS (
    UPDATE executions AS e
    SET cancel_requested_at = asked.cancel_requested_at
    FROM asked
    WHERE e.id = asked.execution_id AND e.id = ANY($1::uuid[])
)
SELECT execution_id, agent_id FROM asked

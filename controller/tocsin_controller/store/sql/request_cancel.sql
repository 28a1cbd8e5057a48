-- Somebody wants these handed-out executions ended; the first request's time is kept (G9). Index: primary keys.
WITH asked AS (
    UPDATE leases
    SET cancel_requested_at = coalesce(cancel_requested_at, now())
    WHERE execution_id = ANY($1::uuid[])
    RETURNING execution_id, agent_id, cancel_requested_at
), noted AS (
    UPDATE executions AS e
    SET cancel_requested_at = asked.cancel_requested_at
    FROM asked
    WHERE e.id = asked.execution_id AND e.id = ANY($1::uuid[])
)
SELECT execution_id, agent_id FROM asked

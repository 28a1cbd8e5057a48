-- Executions of a rollout come into their agents' reach, for $2 seconds. Rows that somebody else holds right now (a
-- cancel), and those that may have been handed out in a part of the database that was lost, are left as they are.
-- $3 is the lowest id, which skips the partitions of earlier days. Index: primary keys.
WITH free AS (
    SELECT execution_id FROM queue
    WHERE execution_id = ANY($1::uuid[]) AND uncertain_since IS NULL
    ORDER BY execution_id
    FOR UPDATE SKIP LOCKED
), released AS (
    UPDATE queue AS q
    SET ready_at = NULL, expires_at = now() + make_interval(secs => $2)
    FROM free
    WHERE q.execution_id = free.execution_id
    RETURNING q.execution_id, q.route, q.priority, q.position
), told AS (
    UPDATE executions AS e
    SET reason = NULL, message = NULL
    FROM free
    WHERE e.id = free.execution_id AND e.id >= $3
), forgotten AS (
    DELETE FROM rollout_waits AS w USING free WHERE w.execution_id = free.execution_id
)
SELECT execution_id, route, priority, position FROM released

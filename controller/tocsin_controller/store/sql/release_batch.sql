-- Executions of a rollout come into their agents' reach, for $2 seconds: now, or from the instant on that the run waits
-- for besides. Rows that somebody else holds right now (a
-- cancel), and those that may have been handed out in a part of the database that was lost, are left as they are.
-- $3 is the lowest id, which skips the partitions of earlier days. Index: primary keys.
WITH free AS (
    SELECT execution_id FROM queue
    WHERE execution_id = ANY($1::uuid[]) AND uncertain_since IS NULL
    ORDER BY execution_id
    FOR UPDATE SKIP LOCKED
), released AS (
    UPDATE queue AS q
    SET ready_at = CASE WHEN q.not_before > now() THEN q.not_before END,
        expires_at = greatest(now(), q.not_before) + make_interval(secs => $2)
    FROM free
    WHERE q.execution_id = free.execution_id
    RETURNING q.route, q.priority, q.position, q.ready_at
), told AS (
    UPDATE executions AS e
    SET reason = NULL, message = NULL
    FROM free
    WHERE e.id = free.execution_id AND e.id >= $3
), forgotten AS (
    DELETE FROM rollout_waits AS w USING free WHERE w.execution_id = free.execution_id
)
SELECT route, priority, position, ready_at FROM released

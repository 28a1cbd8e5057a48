-- Executions of a rollout wait for their hosts from now on, in the batch of those; with $3 the host takes its own as soon
-- as it is back. $5 is the lowest id, which skips the partitions of earlier days. Index: primary keys.
WITH free AS (
    SELECT execution_id FROM queue
    WHERE execution_id = ANY($1::uuid[]) AND uncertain_since IS NULL
    ORDER BY execution_id
    FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE rollout_waits AS w SET batch = $2 FROM free WHERE w.execution_id = free.execution_id
), queued AS (
    UPDATE queue AS q
    SET ready_at = CASE WHEN NOT $3 THEN 'infinity' WHEN q.not_before > now() THEN q.not_before END, expires_at = 'infinity'
    FROM free
    WHERE q.execution_id = free.execution_id
)
UPDATE executions AS e
SET reason = 'host_offline', message = $4
FROM free
WHERE e.id = free.execution_id AND e.id >= $5

-- The same for single executions of a rollout, whose hosts are away and not waited for. Index: primary keys.
WITH free AS (
    SELECT execution_id FROM queue
    WHERE execution_id = ANY($1::uuid[]) AND uncertain_since IS NULL
    ORDER BY execution_id
    FOR UPDATE SKIP LOCKED
), forgotten AS (
    DELETE FROM rollout_waits AS w USING free WHERE w.execution_id = free.execution_id
)
DELETE FROM queue AS q
USING free
WHERE q.execution_id = free.execution_id
RETURNING q.execution_id, q.run_id, q.job_id, q.job_version, q.attempt_number

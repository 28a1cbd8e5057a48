-- Takes what waits of a rollout, from batch $2 on, out of the queue: not what its host has taken already, what somebody
-- else holds right now (a cancel), or what may have been handed out in a part of the database that was lost.
-- Indexes: rollout_waits_by_run, primary keys.
WITH free AS (
    SELECT q.execution_id
    FROM rollout_waits AS w
    JOIN queue AS q ON q.execution_id = w.execution_id
    WHERE w.run_id = $1 AND w.batch >= $2 AND q.uncertain_since IS NULL
    ORDER BY q.execution_id
    FOR UPDATE OF q SKIP LOCKED
), taken AS (
    DELETE FROM queue AS q
    USING free
    WHERE q.execution_id = free.execution_id
    RETURNING q.execution_id, q.run_id, q.job_id, q.job_version, q.attempt_number
), forgotten AS (
    DELETE FROM rollout_waits AS w USING free WHERE w.execution_id = free.execution_id RETURNING w.execution_id, w.agent_id
)
SELECT t.execution_id, t.run_id, t.job_id, t.job_version, t.attempt_number, f.agent_id, coalesce(a.name, '') AS name
FROM taken AS t
JOIN forgotten AS f ON f.execution_id = t.execution_id
LEFT JOIN agents AS a ON a.id = f.agent_id
ORDER BY t.execution_id

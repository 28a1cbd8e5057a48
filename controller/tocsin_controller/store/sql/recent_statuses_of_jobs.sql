-- The newest ten executions of each of these jobs. Index: executions_by_job.
SELECT w.id AS job_id, e.status, e.started_at
FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN LATERAL (
    SELECT id, status, started_at
    FROM executions
    WHERE job_id = w.id AND status NOT IN ('pending', 'pending_approval')
    ORDER BY id DESC
    LIMIT 10
) AS e
ORDER BY w.id, e.id DESC

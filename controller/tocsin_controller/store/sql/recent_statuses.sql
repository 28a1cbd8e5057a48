-- The newest ten executions of each job. Index: executions_by_job.
SELECT j.id AS job_id, e.status, e.started_at
FROM (SELECT id FROM jobs ORDER BY name LIMIT 1000) AS j
CROSS JOIN LATERAL (
    SELECT status, started_at, id FROM executions
    WHERE job_id = j.id AND status NOT IN ('pending', 'pending_approval')
    ORDER BY id DESC LIMIT 10
) AS e
ORDER BY j.id, e.id DESC

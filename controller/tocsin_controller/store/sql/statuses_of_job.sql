-- The newest executions of a job since an id, at most $3 of them: when each was made (its id tells) and how it stands.
-- Index: executions_by_job.
SELECT id, status FROM executions WHERE job_id = $1 AND id >= $2 ORDER BY id DESC LIMIT $3

-- Takes all waiting executions of a job out of the queue. Index: runs_open, executions_by_run, queue primary key.
DELETE FROM queue
WHERE execution_id IN (
    SELECT e.id
    FROM runs AS r
    JOIN executions AS e ON e.run_id = r.id
    WHERE r.job_id = $1 AND r.finished_at IS NULL
)
RETURNING execution_id, run_id, job_id, job_version, attempt_number

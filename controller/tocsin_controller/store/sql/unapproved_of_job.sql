-- Everything of a job that waits for approval, its runs' approvals locked. Index: approvals_by_job, executions_by_run.
SELECT e.id AS execution_id, e.run_id, e.job_id, e.job_version, e.attempt_number
FROM approvals AS a
JOIN executions AS e ON e.run_id = a.run_id
WHERE a.job_id = $1 AND coalesce(e.status, '') = 'pending_approval'
ORDER BY a.run_id
FOR UPDATE OF a

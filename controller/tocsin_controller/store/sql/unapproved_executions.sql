-- The executions of a run that wait for approval. Index: executions_by_run.
SELECT id AS execution_id, run_id, job_id, job_version, attempt_number, agent_id
FROM executions
WHERE run_id = $1 AND coalesce(status, '') = 'pending_approval'
ORDER BY id

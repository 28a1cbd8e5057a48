-- The executions of a run that have not ended. Index: executions_by_run.
SELECT id AS execution_id, status
FROM executions
WHERE run_id = $1 AND finished_at IS NULL
ORDER BY id

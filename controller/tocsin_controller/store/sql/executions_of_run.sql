-- The executions of one run, oldest first. Index: executions_by_run.
SELECT id FROM executions WHERE run_id = $1 ORDER BY id LIMIT $2

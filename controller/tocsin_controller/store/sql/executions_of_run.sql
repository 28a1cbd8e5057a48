-- The executions of one run before an id, newest first. Index: executions_by_run, backwards.
SELECT id FROM executions WHERE run_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3

-- Whether and how an execution ended. Index: primary key.
SELECT status, exit_code, reason FROM executions WHERE id = $1

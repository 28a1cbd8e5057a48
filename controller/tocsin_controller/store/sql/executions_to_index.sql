-- The next executions with ids in [$1, $2), at most $3. Index: primary key.
SELECT id, status, stdout_bytes, stderr_bytes FROM executions WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3

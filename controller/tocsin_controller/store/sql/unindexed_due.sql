-- Executions to look at again, at most $1; status NULL when they are gone. Index: unindexed_due, primary key.
SELECT u.execution_id AS id, e.status, e.stdout_bytes, e.stderr_bytes
FROM (SELECT execution_id FROM unindexed WHERE look_at <= now() ORDER BY look_at LIMIT $1) AS u
LEFT JOIN executions AS e ON e.id = u.execution_id

-- Jobs whose task names a connection, with their definitions; at most $2. Index: job_connections_by_connection.
SELECT j.id, j.name, j.definition -> 'task' AS task
FROM job_connections AS u JOIN jobs AS j ON j.id = u.job_id
WHERE u.connection = $1
ORDER BY u.job_id
LIMIT $2

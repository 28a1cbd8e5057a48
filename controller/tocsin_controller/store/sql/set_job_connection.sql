-- The connection that a job's task names; its row is locked. Index: primary key.
INSERT INTO job_connections (job_id, connection) VALUES ($1, $2)
ON CONFLICT (job_id) DO UPDATE SET connection = excluded.connection

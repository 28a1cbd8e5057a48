-- When these runs were due, began and ended. Index: primary key.
SELECT id, job_id, job_version, status, reason, started_at, finished_at FROM runs WHERE id = ANY($1::uuid[])

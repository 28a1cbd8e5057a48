-- The steps of a pipeline run, so many at most, with their runs. Indexes: primary keys.
SELECT s.job_id, j.name AS job_name, s.run_id, s.starts, r.status, r.reason, r.message, r.created_at, r.started_at,
       r.finished_at, now() AS now
FROM pipeline_steps AS s
LEFT JOIN jobs AS j ON j.id = s.job_id
LEFT JOIN runs AS r ON r.id = s.run_id
WHERE s.pipeline_run_id = $1
ORDER BY r.created_at NULLS LAST, j.name, s.job_id
LIMIT $2

-- These events, with the name of the job they are about and the run they come from. Indexes: primary keys.
SELECT e.id, e.kind, e.severity, e.message, e.at, j.name AS job_name, r.id AS run_id, r.job_id AS run_job_id, r.trigger
FROM events AS e
LEFT JOIN executions AS x ON x.id = e.execution_id
LEFT JOIN runs AS r ON r.id = coalesce(e.run_id, x.run_id)
LEFT JOIN jobs AS j ON j.id = coalesce(e.job_id, r.job_id)
WHERE e.id = ANY($1::uuid[])
ORDER BY e.id

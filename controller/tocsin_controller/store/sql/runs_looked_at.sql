-- Runs that a pipeline run may have to follow: where they stand, and whether something waits for their jobs.
-- Indexes: primary keys, pipeline_steps_by_run.
SELECT r.id, r.job_id, r.status, r.trigger, r.created_at, coalesce(j.group_name, 'Default') AS group_name,
       s.pipeline_run_id,
       EXISTS (SELECT FROM job_dependencies AS d WHERE d.parent_id = r.job_id) AS has_dependents
FROM runs AS r
LEFT JOIN jobs AS j ON j.id = r.job_id
LEFT JOIN pipeline_steps AS s ON s.run_id = r.id
WHERE r.id = ANY($1::uuid[])
ORDER BY r.id

-- The steps of a pipeline run that did not succeed. Indexes: primary keys.
SELECT s.job_id, s.run_id, r.trigger
FROM pipeline_steps AS s
JOIN runs AS r ON r.id = s.run_id
WHERE s.pipeline_run_id = $1 AND r.status NOT IN ('pending', 'running', 'succeeded')

-- The steps of a pipeline run that did not succeed, and those that never ran although all that they wait for inside of it
-- ended as it should have: they wait for something outside. Indexes: primary keys.
SELECT s.job_id, s.run_id, r.trigger, r.status
FROM pipeline_steps AS s
LEFT JOIN runs AS r ON r.id = s.run_id
WHERE s.pipeline_run_id = $1 AND CASE
    WHEN s.run_id IS NOT NULL THEN r.status NOT IN ('pending', 'running', 'succeeded')
    ELSE NOT EXISTS (
        SELECT FROM unmet_pipeline_edges AS e WHERE e.pipeline_run_id = s.pipeline_run_id AND e.job_id = s.job_id
    )
END

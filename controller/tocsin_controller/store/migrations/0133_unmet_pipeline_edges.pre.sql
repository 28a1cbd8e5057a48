-- What a step of a pipeline run waits for inside of it and that has not ended as it should have, or never ran.
CREATE VIEW unmet_pipeline_edges AS
SELECT e.pipeline_run_id, e.job_id
FROM pipeline_edges AS e
JOIN pipeline_steps AS s ON s.pipeline_run_id = e.pipeline_run_id AND s.job_id = e.parent_id
LEFT JOIN runs AS r ON r.id = s.run_id
WHERE s.run_id IS NULL OR NOT CASE e.condition
    WHEN 'success' THEN r.status = 'succeeded'
    WHEN 'failure' THEN r.status IN ('failed', 'timed_out', 'lost')
    ELSE true
END;

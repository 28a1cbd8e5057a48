-- Which of these runs are the newest of a step and have ended. Indexes: pipeline_steps_by_run, primary keys.
SELECT s.pipeline_run_id, s.job_id, s.run_id, s.is_open, r.trigger
FROM pipeline_steps AS s
JOIN runs AS r ON r.id = s.run_id
WHERE s.run_id = ANY($1::uuid[]) AND r.open_executions = 0 AND r.finished_at IS NOT NULL

-- What the steps of a pipeline run wait for, so many at most. Index: primary key.
SELECT parent_id, job_id, condition, within_secs
FROM pipeline_edges
WHERE pipeline_run_id = $1
ORDER BY parent_id, job_id
LIMIT $2

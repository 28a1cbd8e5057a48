-- The newest run of a job. Index: runs_by_job.
SELECT id FROM runs WHERE job_id = $1 ORDER BY id DESC LIMIT 1

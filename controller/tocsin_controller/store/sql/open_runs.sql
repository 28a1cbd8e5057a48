-- How many runs of these jobs have not ended. Index: runs_open.
SELECT job_id, count(*) AS open
FROM runs
WHERE job_id = ANY($1::uuid[]) AND finished_at IS NULL
GROUP BY job_id

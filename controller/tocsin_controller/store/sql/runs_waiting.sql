-- How many runs of each of these jobs wait for a place. Index: places_waiting_of_job.
SELECT job_id, count(DISTINCT run_id) AS waiting
FROM places
WHERE job_id = ANY($1::uuid[]) AND held_at IS NULL
GROUP BY job_id

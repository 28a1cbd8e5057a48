-- Those of these jobs of which a run waits for the end of a blackout. Index: runs_open.
SELECT DISTINCT job_id FROM runs WHERE job_id = ANY($1::uuid[]) AND finished_at IS NULL AND reason = 'blackout'

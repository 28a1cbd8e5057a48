-- Which of these starts are still to be made: of several that found the same set complete, one gets it. Index: primary
-- key.
INSERT INTO cascade_starts (job_id, cause)
SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS s (job_id, cause) ORDER BY job_id, cause
ON CONFLICT (job_id, cause) DO NOTHING
RETURNING job_id, cause

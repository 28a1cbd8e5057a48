-- The job and its timer go; versions and history stay. Index: primary keys.
WITH timer AS (DELETE FROM timers WHERE job_id = $1)
DELETE FROM jobs WHERE id = $1

-- The job goes, with its timer and what it waits for; versions and history stay. Index: primary keys.
WITH timer AS (
    DELETE FROM timers WHERE job_id = $1
), dependencies AS (
    DELETE FROM job_dependencies WHERE job_id = $1
)
DELETE FROM jobs WHERE id = $1

-- The job fires no more. Index: primary key.
DELETE FROM timers WHERE job_id = $1

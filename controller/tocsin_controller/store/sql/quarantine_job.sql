-- A job whose schedule can't be evaluated: the timer goes, the job says why. Index: primary keys.
WITH ended AS (DELETE FROM timers WHERE job_id = $1)
UPDATE jobs
SET status = CASE WHEN status = 'scheduled' THEN 'unscheduled' ELSE status END, quarantined_reason = $2, updated_at = now()
WHERE id = $1

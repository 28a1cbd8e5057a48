-- Jobs whose schedule has nothing more to fire: the timer goes, the job says so. Index: primary keys.
WITH ended AS (DELETE FROM timers WHERE job_id = ANY($1::uuid[]) RETURNING job_id)
UPDATE jobs AS j
SET status = 'unscheduled', updated_at = now()
FROM ended
WHERE j.id = ended.job_id AND j.status = 'scheduled'

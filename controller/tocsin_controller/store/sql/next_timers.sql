-- The jobs that are due next. Index: timers_due.
SELECT job_id, next_fire_at FROM timers WHERE next_fire_at IS NOT NULL ORDER BY next_fire_at, job_id LIMIT $1

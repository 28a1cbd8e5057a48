-- Timers that are due, most urgent first, then those due within the next $1 seconds. Nothing is locked: `launch` moves
-- a timer only if it still stands as seen here. Index: timers_due.
SELECT job_id, job_version, next_fire_at, anchor, now() AS now
FROM timers
WHERE next_fire_at <= now() + make_interval(secs => $1)
ORDER BY greatest(next_fire_at - now(), interval '0'), priority DESC, next_fire_at
LIMIT 200

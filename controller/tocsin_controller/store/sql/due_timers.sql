-- Timers that are due, most urgent first, locked for this ticker; other tickers skip them (guarantee G1).
-- The job itself can't be edited, paused or deleted while its timer is locked. Index: timers_due.
SELECT job_id, job_version, next_fire_at, anchor, now() AS now
FROM timers
WHERE next_fire_at <= now()
ORDER BY priority DESC, next_fire_at
LIMIT 200
FOR UPDATE SKIP LOCKED

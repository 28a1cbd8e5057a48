-- Sets the next due instant of timers locked by due_timers. Index: primary key.
UPDATE timers AS t
SET next_fire_at = m.next_fire_at
FROM unnest($1::uuid[], $2::timestamptz[]) AS m (job_id, next_fire_at)
WHERE t.job_id = m.job_id

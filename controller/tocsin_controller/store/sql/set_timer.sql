-- When the job fires next. Index: primary key.
INSERT INTO timers (job_id, job_version, priority, next_fire_at, anchor)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (job_id) DO UPDATE
SET job_version = excluded.job_version, priority = excluded.priority, next_fire_at = excluded.next_fire_at,
    anchor = excluded.anchor

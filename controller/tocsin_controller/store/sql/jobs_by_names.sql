-- Jobs by exact name, unlocked. Index: jobs_name_unique.
SELECT j.id, j.name, j.group_name, j.status, j.version, j.definition, j.created_by, j.created_at, j.updated_at,
       j.quarantined_reason, j.pause, t.next_fire_at, t.anchor
FROM jobs AS j
LEFT JOIN timers AS t ON t.job_id = j.id
WHERE j.name = ANY($1::text[])

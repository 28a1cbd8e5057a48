-- The job's new state; its row is locked. $7: its schedule was checked anew, so it is no longer quarantined. A taken name violates jobs_name_unique. Index: primary key.
UPDATE jobs
SET name = $2, group_name = $3, status = $4, version = $5, definition = $6, updated_at = now(),
    quarantined_reason = CASE WHEN NOT $7 THEN quarantined_reason END, pause = CASE WHEN $4 = 'paused' THEN pause END
WHERE id = $1

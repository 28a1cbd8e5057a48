-- The job's new state; its row is locked. A taken name violates jobs_name_unique. Index: primary key.
UPDATE jobs
SET name = $2, group_name = $3, status = $4, version = $5, definition = $6, updated_at = now()
WHERE id = $1

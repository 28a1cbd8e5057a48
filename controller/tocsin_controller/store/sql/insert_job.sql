-- A new job and its version 1, both or neither. A taken name violates jobs_name_unique.
WITH job AS (
    INSERT INTO jobs (id, name, group_name, status, version, definition, created_by)
    VALUES ($1, $2, $3, $4, 1, $5, $6)
    RETURNING id, version, definition, created_by
)
INSERT INTO job_versions (job_id, version, definition, changed_by)
SELECT id, version, definition, created_by FROM job

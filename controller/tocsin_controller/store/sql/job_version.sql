-- One saved change of a job, also of a deleted one. Index: primary key.
SELECT version, definition, changed_by, created_at
FROM job_versions
WHERE job_id = $1 AND version = $2

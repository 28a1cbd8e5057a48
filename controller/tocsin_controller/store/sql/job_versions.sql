-- Saved changes of a job, newest first. Index: primary key, backwards.
SELECT version, definition, changed_by, created_at
FROM job_versions
WHERE job_id = $1
ORDER BY version DESC
LIMIT $2

-- The number of a job's last saved change, also of a deleted job's. Index: primary key, backwards, one row.
SELECT version
FROM job_versions
WHERE job_id = $1
ORDER BY version DESC
LIMIT 1

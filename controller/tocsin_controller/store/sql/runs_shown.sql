-- Runs with what is shown beside them, newest first. Index: primary keys.
SELECT r.*, v.definition ->> 'name' AS job_name
FROM runs AS r
LEFT JOIN job_versions AS v ON v.job_id = r.job_id AND v.version = r.job_version
WHERE r.id = ANY($1::uuid[])
ORDER BY r.id DESC

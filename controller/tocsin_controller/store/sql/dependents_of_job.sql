-- The jobs that wait for this one directly, some of them by name. Indexes: primary keys.
SELECT j.id, j.name
FROM job_dependencies AS d
JOIN jobs AS j ON j.id = d.job_id
WHERE d.parent_id = $1
ORDER BY j.name
LIMIT $2

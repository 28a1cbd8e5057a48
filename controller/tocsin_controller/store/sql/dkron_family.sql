-- Who waits for whom, of these jobs: above and below. Indexes: job_dependencies' primary key and job_dependencies_by_job.
SELECT d.parent_id, d.job_id, p.name AS parent_name, c.name AS child_name
FROM job_dependencies AS d
JOIN jobs AS p ON p.id = d.parent_id
JOIN jobs AS c ON c.id = d.job_id
WHERE d.parent_id = ANY($1::uuid[]) OR d.job_id = ANY($1::uuid[])
ORDER BY c.name, p.name

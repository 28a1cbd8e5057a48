-- Everything that these jobs wait for, however indirectly, as edges with the names of both ends.
-- Index: job_dependencies_by_job, one look-up a job.
WITH RECURSIVE above (job_id) AS (
    SELECT unnest($1::uuid[])
    UNION
    SELECT d.parent_id FROM above AS a JOIN job_dependencies AS d ON d.job_id = a.job_id
)
SELECT d.parent_id, d.job_id, p.name AS parent_name, c.name AS job_name
FROM above AS a
JOIN job_dependencies AS d ON d.job_id = a.job_id
LEFT JOIN jobs AS p ON p.id = d.parent_id
LEFT JOIN jobs AS c ON c.id = d.job_id

-- How executions with ids in [$1, $2) stand, by job; looks at no more than $3 of them, and names the $4 largest counts.
-- Index: primary key; names by job_versions' primary key.
WITH made AS MATERIALIZED (
    SELECT job_id, job_version, status FROM executions WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3
), counted AS (
    SELECT job_id, max(job_version) AS version, status, count(*) AS count FROM made GROUP BY job_id, status
    ORDER BY count DESC, job_id LIMIT $4
)
SELECT coalesce(v.definition ->> 'name', c.job_id::text) AS job_name, c.status, c.count
FROM counted AS c
LEFT JOIN job_versions AS v ON v.job_id = c.job_id AND v.version = c.version
ORDER BY c.count DESC, job_name, c.status

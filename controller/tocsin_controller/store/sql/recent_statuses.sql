-- The newest ten executions of each job among the newest $1 of all. Reads no more than that. Index: primary key.
SELECT job_id, status, started_at
FROM (
    SELECT id, job_id, status, started_at, row_number() OVER (PARTITION BY job_id ORDER BY id DESC) AS position
    FROM (
        SELECT id, job_id, status, started_at
        FROM executions
        ORDER BY id DESC
        LIMIT $1
    ) AS newest
    WHERE status NOT IN ('pending', 'pending_approval')
) AS ranked
WHERE position <= 10
ORDER BY job_id, id DESC

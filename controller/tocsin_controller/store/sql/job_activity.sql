-- For each job of a page: its newest execution, and how its newest $2 ended. Reads at most that many rows per job,
-- however long the history. Index: executions_by_job.
SELECT w.id AS job_id, newest.id, newest.status, newest.exit_code, newest.finished_at,
       counted.total, counted.succeeded, counted.failed
FROM unnest($1::uuid[]) AS w (id)
LEFT JOIN LATERAL (
    SELECT e.id, e.status, e.exit_code, e.finished_at
    FROM executions AS e
    WHERE e.job_id = w.id
    ORDER BY e.id DESC
    LIMIT 1
) AS newest ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS total, count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE status IN ('failed', 'timed_out')) AS failed
    FROM (SELECT e.status FROM executions AS e WHERE e.job_id = w.id ORDER BY e.id DESC LIMIT $2) AS latest
) AS counted

-- For each job of a page: its newest execution, and how its newest $2 ended. Reads at most that many rows per job,
-- however long the history. Index: executions_by_job.
WITH latest AS MATERIALIZED (
    SELECT w.id AS job_id, e.id, e.status, e.exit_code, e.finished_at
    FROM unnest($1::uuid[]) AS w (id)
    CROSS JOIN LATERAL (
        SELECT id, status, exit_code, finished_at
        FROM executions
        WHERE job_id = w.id
        ORDER BY id DESC
        LIMIT $2
    ) AS e
), newest AS (
    SELECT DISTINCT ON (job_id) job_id, id, status, exit_code, finished_at FROM latest ORDER BY job_id, id DESC
), counted AS (
    SELECT job_id, count(*) AS total, count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE status IN ('failed', 'timed_out')) AS failed
    FROM latest
    GROUP BY job_id
)
SELECT job_id, newest.id, newest.status, newest.exit_code, newest.finished_at,
       counted.total, counted.succeeded, counted.failed
FROM newest JOIN counted USING (job_id)

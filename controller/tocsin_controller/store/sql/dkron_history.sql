-- For each of these jobs, of its newest $3 executions from that id on: how many ended how, and when the last did; and how
-- its newest run that reached a host and ended did, among the newest 20. Indexes: executions_by_job, runs_by_job.
SELECT w.id AS job_id, counted.succeeded, counted.failed, counted.last_success, counted.last_error,
       last.status AS run_status, coalesce(last.succeeded, 0) AS run_succeeded
FROM unnest($1::uuid[], $2::uuid[]) AS w (id, since)
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE e.status = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE e.status IN ('failed', 'timed_out', 'lost')) AS failed,
           max(e.finished_at) FILTER (WHERE e.status = 'succeeded') AS last_success,
           max(e.finished_at) FILTER (WHERE e.status IN ('failed', 'timed_out', 'lost')) AS last_error
    FROM (
        SELECT status, finished_at FROM executions
        WHERE job_id = w.id AND id >= w.since
        ORDER BY id DESC
        LIMIT $3
    ) AS e
) AS counted
LEFT JOIN LATERAL (
    SELECT n.status, n.succeeded
    FROM (SELECT id, status, reason, succeeded FROM runs WHERE job_id = w.id ORDER BY id DESC LIMIT 20) AS n
    WHERE n.status NOT IN ('pending', 'running', 'skipped') AND n.reason IS DISTINCT FROM 'no_agent'
    ORDER BY n.id DESC
    LIMIT 1
) AS last ON true

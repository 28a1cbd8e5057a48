-- For each of these jobs, of its executions from that id on: how many ended how, and when the last did; and how its newest run
-- that reached a host and ended did, among the newest 20. What is added up in dkron_counts is not read again; of what is not,
-- the newest $3. `settled` executions, up to the id `settled_upto`, were made before $4, have ended, and are before all that
-- have not, or were lost after $5: they stay as they are, and can be added up.
-- Indexes: executions_by_job, runs_by_job, primary key of dkron_counts.
SELECT w.id AS job_id, added.upto,
       coalesce(added.succeeded, 0) + fresh.succeeded AS succeeded, coalesce(added.failed, 0) + fresh.failed AS failed,
       greatest(added.last_success, fresh.last_success) AS last_success,
       greatest(added.last_error, fresh.last_error) AS last_error,
       fresh.settled, fresh.settled_upto,
       coalesce(added.succeeded, 0) + fresh.settled_succeeded AS settled_succeeded,
       coalesce(added.failed, 0) + fresh.settled_failed AS settled_failed,
       greatest(added.last_success, fresh.settled_success) AS settled_success,
       greatest(added.last_error, fresh.settled_error) AS settled_error,
       last.status AS run_status, coalesce(last.succeeded, 0) AS run_succeeded
FROM unnest($1::uuid[], $2::uuid[]) AS w (id, since)
LEFT JOIN dkron_counts AS added ON added.job_id = w.id AND added.upto >= w.since
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE e.is_success) AS succeeded,
           count(*) FILTER (WHERE e.is_failure) AS failed,
           max(e.finished_at) FILTER (WHERE e.is_success) AS last_success,
           max(e.finished_at) FILTER (WHERE e.is_failure) AS last_error,
           count(*) FILTER (WHERE e.is_settled) AS settled,
           (array_agg(e.id ORDER BY e.id DESC) FILTER (WHERE e.is_settled))[1] AS settled_upto,
           count(*) FILTER (WHERE e.is_settled AND e.is_success) AS settled_succeeded,
           count(*) FILTER (WHERE e.is_settled AND e.is_failure) AS settled_failed,
           max(e.finished_at) FILTER (WHERE e.is_settled AND e.is_success) AS settled_success,
           max(e.finished_at) FILTER (WHERE e.is_settled AND e.is_failure) AS settled_error
    FROM (
        SELECT n.id, n.finished_at, n.status = 'succeeded' AS is_success,
               n.status IN ('failed', 'timed_out', 'lost') AS is_failure,
               n.id < $4 AND bool_and(n.finished_at IS NOT NULL AND (n.status <> 'lost' OR n.id < $5))
                             OVER (ORDER BY n.id) AS is_settled
        FROM (
            SELECT id, status, finished_at FROM executions
            WHERE job_id = w.id AND id >= w.since AND id > coalesce(added.upto, '00000000-0000-0000-0000-000000000000')
            ORDER BY id DESC
            LIMIT $3
        ) AS n
    ) AS e
) AS fresh
LEFT JOIN LATERAL (
    SELECT n.status, n.succeeded
    FROM (SELECT id, status, reason, succeeded FROM runs WHERE job_id = w.id ORDER BY id DESC LIMIT 20) AS n
    WHERE n.status NOT IN ('pending', 'running', 'skipped') AND n.reason IS DISTINCT FROM 'no_agent'
    ORDER BY n.id DESC
    LIMIT 1
) AS last ON true

-- Approved executions become `pending` (G7) and wait for an agent: with $5 for a place first, and not before $6, if that
-- is said; why, their run says. Returns the lanes of those that may be taken. Index: primary keys.
WITH x AS (
    SELECT * FROM unnest($1::uuid[], $2::text[]) AS x (execution_id, route)
), approved AS (
    UPDATE executions AS e
    SET status = 'pending', reason = CASE WHEN $5 THEN 'waiting_for_place' END
    FROM x
    WHERE e.id = x.execution_id AND coalesce(e.status, '') = 'pending_approval'
    RETURNING e.id, x.route, e.run_id, e.job_id, e.job_version
), new_queue AS (
    INSERT INTO queue (execution_id, route, priority, ready_at, expires_at, run_id, job_id, job_version, attempt_number,
                       scheduled_for, not_before)
    SELECT a.id, a.route, $3::smallint, CASE WHEN $5 THEN 'infinity' ELSE $6::timestamptz END,
           CASE WHEN $5 THEN 'infinity' ELSE greatest(now(), $6) + make_interval(secs => $4) END, a.run_id, a.job_id, a.job_version,
           1, r.scheduled_for, $6
    FROM approved AS a
    JOIN runs AS r ON r.id = a.run_id
    RETURNING route, priority, position, ready_at
)
SELECT route, priority, min(position) AS first, count(*) AS count FROM new_queue WHERE ready_at IS NULL
GROUP BY route, priority

-- Adds ended executions to their runs; a run ends with its last open execution, and its status says how. Recomputed
-- from the counters, so a late result corrects the run too. Index: primary key.
UPDATE runs AS r
SET open_executions = n.open, succeeded = n.succeeded, failed = n.failed, timed_out = n.timed_out,
    cancelled = n.cancelled, lost = n.lost,
    status = CASE
        WHEN n.open > 0 THEN 'running'
        WHEN n.failed > 0 THEN 'failed'
        WHEN n.timed_out > 0 THEN 'timed_out'
        WHEN n.lost > 0 THEN 'lost'
        WHEN n.cancelled > 0 THEN 'cancelled'
        ELSE 'succeeded'
    END,
    reason = CASE WHEN n.failed + n.timed_out + n.lost + n.cancelled > 0 THEN coalesce(n.reason, r.reason) END,
    message = CASE WHEN n.failed + n.timed_out + n.lost + n.cancelled > 0 THEN coalesce(n.message, r.message) END,
    started_at = least(r.started_at, n.started_at),
    finished_at = CASE WHEN n.open = 0 THEN now() END
FROM (
    SELECT r.id, r.open_executions + d.open AS open, r.succeeded + d.succeeded AS succeeded,
           r.failed + d.failed AS failed, r.timed_out + d.timed_out AS timed_out,
           r.cancelled + d.cancelled AS cancelled, r.lost + d.lost AS lost, d.reason, d.message,
           now() - make_interval(secs => d.started_age_secs) AS started_at
    FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::int[], $6::int[], $7::int[], $8::text[], $9::text[],
                $10::float8[])
        AS d (run_id, open, succeeded, failed, timed_out, cancelled, lost, reason, message, started_age_secs)
    JOIN runs AS r ON r.id = d.run_id
    WHERE r.id = ANY($1::uuid[])
    ORDER BY r.id
    FOR UPDATE OF r
) AS n
WHERE r.id = n.id AND r.id = ANY($1::uuid[])
RETURNING r.id, r.status, r.open_executions

-- Executions whose answer was lost go back to the queue, because their agent takes no more work. Guarded by the fence
-- that was seen. The fence goes along, so the next hand-out is higher (G6). Index: primary keys.
WITH gone AS (
    DELETE FROM leases AS l
    USING unnest($1::uuid[], $2::bigint[], $3::text[], $4::smallint[], $5::float8[])
        AS r (execution_id, fence, route, priority, queue_timeout_secs)
    WHERE l.execution_id = r.execution_id AND l.fence = r.fence AND NOT l.started
    RETURNING l.*, r.route, r.priority, r.queue_timeout_secs
)
INSERT INTO queue (execution_id, route, priority, expires_at, run_id, job_id, job_version, attempt_number, fence,
                   scheduled_for)
SELECT execution_id, route, priority, now() + make_interval(secs => queue_timeout_secs), run_id, job_id, job_version,
       attempt_number, fence, scheduled_for
FROM gone

-- Their agent has enough of their job, and has not heard of these: back they go, for others at once or for anybody
-- later. The fence goes along, so the next hand-out is higher (G6). Index: primary keys.
WITH gone AS (
    DELETE FROM leases AS l
    USING unnest($1::uuid[], $2::bigint[], $3::text[], $4::smallint[], $5::float8[])
        AS r (execution_id, fence, route, priority, queue_timeout_secs)
    WHERE l.execution_id = r.execution_id AND l.fence = r.fence AND NOT l.started
    RETURNING l.*, r.route, r.priority, r.queue_timeout_secs
), noted AS (
    UPDATE executions AS e SET reason = 'max_per_agent'
    FROM gone
    WHERE e.id = gone.execution_id AND e.id = ANY($1::uuid[]) AND coalesce(e.status, '') = 'pending'
)
INSERT INTO queue (execution_id, route, priority, ready_at, expires_at, run_id, job_id, job_version, attempt_number,
                   fence, scheduled_for, limited_job)
SELECT execution_id, route, priority, now() + make_interval(secs => $6),
       now() + make_interval(secs => $6 + queue_timeout_secs), run_id, job_id, job_version, attempt_number, fence,
       scheduled_for, job_id
FROM gone

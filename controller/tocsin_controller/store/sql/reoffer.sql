-- Hands executions out again whose earlier answer was not received: same agent, higher fence (G2, G6), which begins with
-- the epoch (40 = EPOCH_SHIFT). Guarded by the fence that was seen, so two controllers can't both do it. Index: primary key.
UPDATE leases AS l
SET fence = greatest(l.fence + 1, (SELECT (epoch << 40) + 1 FROM cluster)), incarnation = o.incarnation,
    seq = o.seq, handed_at = now(),
    expires_at = now() + make_interval(secs => o.lease_secs)
FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bigint[], $5::float8[])
    AS o (execution_id, fence, incarnation, seq, lease_secs)
WHERE l.execution_id = o.execution_id AND l.fence = o.fence AND NOT l.started
RETURNING l.execution_id, l.agent_id, l.fence, l.run_id, l.job_id, l.job_version, l.attempt_number, l.scheduled_for

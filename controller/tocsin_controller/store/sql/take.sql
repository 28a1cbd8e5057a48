-- Hands locked queue rows to agents: the row leaves the queue, a lease with a higher fence takes its place (G6), which
-- begins with the epoch (40 = EPOCH_SHIFT; one row, read once). An agent whose newer process has registered meanwhile
-- gets nothing. Indexes: primary keys.
WITH t AS (
    SELECT t.execution_id, t.agent_id, t.incarnation, t.seq, t.lease_secs
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::float8[])
        AS t (execution_id, agent_id, incarnation, seq, lease_secs)
    JOIN agents AS a ON a.id = t.agent_id AND a.incarnation IS NOT DISTINCT FROM t.incarnation
), taken AS (
    DELETE FROM queue AS q
    USING t
    WHERE q.execution_id = t.execution_id
    RETURNING q.*, t.agent_id, t.incarnation, t.seq, t.lease_secs
)
INSERT INTO leases (execution_id, agent_id, fence, incarnation, seq, run_id, job_id, job_version, attempt_number,
                    scheduled_for, expires_at)
SELECT execution_id, agent_id, greatest(fence + 1, (SELECT (epoch << 40) + 1 FROM cluster)), incarnation, seq, run_id, job_id, job_version, attempt_number,
       scheduled_for, now() + make_interval(secs => lease_secs)
FROM taken
RETURNING execution_id, agent_id, fence, run_id, job_id, job_version, attempt_number, scheduled_for

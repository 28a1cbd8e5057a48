-- Ends executions: from pending, running or (late result) lost, never from another end (G7). The lease goes with
-- it. Returns those that really changed. $16 is the lowest id: with it a plan for any parameters skips
-- the partitions of earlier days (a second bound would make a range scan look as good as look-ups). The status is wrapped as in start_executions. Index: primary key.
WITH f AS (
    SELECT f.*
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::bigint[], $7::int[], $8::float8[],
                $9::float8[], $10::bigint[], $11::bigint[], $12::boolean[], $13::boolean[], $14::float8[], $15::bigint[])
        AS f (execution_id, status, reason, message, agent_id, fence, exit_code, started_age_secs, age_secs,
              stdout_bytes, stderr_bytes, stdout_truncated, stderr_truncated, cpu_secs, peak_memory_bytes)
), released AS (
    DELETE FROM leases WHERE execution_id = ANY($1::uuid[])
)
UPDATE executions AS e
SET status = f.status, reason = f.reason, message = f.message,
    agent_id = coalesce(f.agent_id, e.agent_id), fence = greatest(e.fence, f.fence), exit_code = f.exit_code,
    started_at = coalesce(now() - make_interval(secs => f.started_age_secs), e.started_at),
    finished_at = now() - make_interval(secs => f.age_secs),
    stdout_bytes = f.stdout_bytes, stderr_bytes = f.stderr_bytes,
    stdout_truncated = f.stdout_truncated, stderr_truncated = f.stderr_truncated,
    cpu_secs = f.cpu_secs, peak_memory_bytes = f.peak_memory_bytes
FROM f
WHERE e.id = f.execution_id AND e.id >= $16
    AND coalesce(e.status, '') IN ('pending_approval', 'pending', 'running', 'lost')
RETURNING e.id

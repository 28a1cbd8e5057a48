-- Ends executions that are the only open one of their run and are not tried again, all that this entails in one
-- statement: lease, execution, run, event (G5, G7), and notes for the outbox when others wait for that run or
-- its event starts jobs. Each only while its lease is the one named (G6); returns those.
-- The rules are those of finish_executions and settle_runs. $16 and $17 are the lowest ids of executions and runs,
-- which skips the partitions of earlier days. Indexes: primary keys.
WITH f AS (
    SELECT f.*
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::bigint[], $7::int[], $8::float8[],
                $9::float8[], $10::bigint[], $11::bigint[], $12::boolean[], $13::boolean[], $14::float8[], $15::bigint[],
                $18::uuid[], $19::text[], $20::text[])
        AS f (execution_id, status, reason, message, agent_id, fence, exit_code, started_age_secs, age_secs,
              stdout_bytes, stderr_bytes, stdout_truncated, stderr_truncated, cpu_secs, peak_memory_bytes,
              event_id, severity, told)
), released AS (
    DELETE FROM leases AS l
    USING f
    WHERE l.execution_id = f.execution_id AND l.fence = f.fence AND l.agent_id = f.agent_id
    RETURNING f.*, l.run_id, l.job_id
), ended AS (
    UPDATE executions AS e
    SET status = f.status, reason = f.reason, message = f.message, agent_id = f.agent_id, fence = f.fence,
        exit_code = f.exit_code,
        started_at = coalesce(now() - make_interval(secs => f.started_age_secs), e.started_at),
        finished_at = now() - make_interval(secs => f.age_secs),
        stdout_bytes = f.stdout_bytes, stderr_bytes = f.stderr_bytes,
        stdout_truncated = f.stdout_truncated, stderr_truncated = f.stderr_truncated,
        cpu_secs = f.cpu_secs, peak_memory_bytes = f.peak_memory_bytes
    FROM released AS f
    WHERE e.id = f.execution_id AND e.id >= $16 AND coalesce(e.status, '') IN ('pending', 'running')
), settled AS (
    UPDATE runs AS r
    SET open_executions = r.open_executions - 1, status = f.status, reason = f.reason, message = f.message,
        succeeded = r.succeeded + (f.status = 'succeeded')::int, failed = r.failed + (f.status = 'failed')::int,
        timed_out = r.timed_out + (f.status = 'timed_out')::int, cancelled = r.cancelled + (f.status = 'cancelled')::int,
        started_at = least(r.started_at, now() - make_interval(secs => f.started_age_secs)),
        finished_at = now() - make_interval(secs => f.age_secs)
    FROM released AS f
    WHERE r.id = f.run_id AND r.id >= $17
), told AS (
    INSERT INTO events (id, kind, severity, message, job_id, execution_id, agent_id, details)
    SELECT event_id, 'execution.completed', severity, told, job_id, execution_id, agent_id, coalesce(message, reason)
    FROM released
), noted AS (
    INSERT INTO outbox (kind, payload)
    SELECT 'pipeline.run', jsonb_build_object('run_id', r.run_id)
    FROM released AS r
    CROSS JOIN LATERAL (
        (SELECT FROM job_dependencies AS d WHERE d.parent_id = r.job_id LIMIT 1)
        UNION ALL
        (SELECT FROM pipeline_steps AS s WHERE s.run_id = r.run_id LIMIT 1)
        LIMIT 1
    ) AS watched
    RETURNING id
), triggering AS (
    INSERT INTO outbox (kind, payload)
    SELECT 'event', jsonb_build_object('event_id', r.event_id)
    FROM released AS r
    WHERE EXISTS (
        SELECT FROM event_triggers AS t
        WHERE 'execution.completed' LIKE t.kind_like AND (t.severity IS NULL OR t.severity = r.severity)
    )
    RETURNING id
)
SELECT execution_id, EXISTS (SELECT FROM noted) OR EXISTS (SELECT FROM triggering) AS is_noted FROM released

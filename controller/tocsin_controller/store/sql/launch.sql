-- Creates runs with their executions and queue rows, all or nothing. A run that exists already (same job, same
-- due instant) is left alone together with its executions: guarantee G1. Returns the new runs, then the lanes that
-- got work, each with its first position. Index: primary keys.
WITH new_runs AS (
    INSERT INTO runs (id, job_id, job_version, status, reason, message, trigger, params, scheduled_for,
                      open_executions, not_reached, finished_at)
    SELECT id, job_id, job_version, status, reason, message, trigger, params, scheduled_for,
           open_executions, not_reached::jsonb, CASE WHEN open_executions = 0 THEN now() END
    FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::jsonb[],
                $9::timestamptz[], $10::int[], $11::text[])
        AS r (id, job_id, job_version, status, reason, message, trigger, params, scheduled_for,
              open_executions, not_reached)
    ON CONFLICT (id) DO NOTHING
    RETURNING id, job_id, job_version, scheduled_for
), planned AS (
    SELECT e.id, e.agent_id, r.id AS run_id, r.job_id, r.job_version, r.scheduled_for, e.route, e.priority,
           now() + make_interval(secs => e.queue_timeout_secs) AS expires_at
    FROM unnest($12::uuid[], $13::uuid[], $14::text[], $15::smallint[], $16::float8[], $17::uuid[])
        AS e (id, run_id, route, priority, queue_timeout_secs, agent_id)
    JOIN new_runs AS r ON r.id = e.run_id
), new_executions AS (
    INSERT INTO executions (id, run_id, job_id, job_version, status, agent_id)
    SELECT id, run_id, job_id, job_version, 'pending', agent_id FROM planned
), new_queue AS (
    INSERT INTO queue (execution_id, route, priority, expires_at, run_id, job_id, job_version, attempt_number,
                       scheduled_for)
    SELECT id, route, priority, expires_at, run_id, job_id, job_version, 1, scheduled_for FROM planned
    RETURNING route, priority, position
)
SELECT id AS run_id, NULL AS route, NULL AS priority, NULL AS first FROM new_runs
UNION ALL
SELECT NULL, route, priority, min(position) FROM new_queue GROUP BY route, priority

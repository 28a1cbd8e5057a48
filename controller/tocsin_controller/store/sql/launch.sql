-- Creates runs with their executions and queue rows and moves the timers that fired them, all or nothing. Guarantee
-- G1 twice: a timer fires only while it stands as it was seen (another controller may have been first, or the job was
-- edited), and a run that exists already (same job, same due instant) is left alone together with its executions.
-- A run that others wait for is noted for the outbox, unless it belongs to a pipeline run already. A timer without
-- next instant goes, and its job says so. Returns the new runs; the lanes that got work, each with
-- its first position and how much; and in `timers` how many fired. $22 holds executions back: for `approval` they are
-- not queued, for `place` they are queued where nobody takes them. Executions with an instant in $23
-- may be taken from then on. The instant is compared so that no index on it
-- can be chosen: many timers have the same. Membership is asked in forms that the planner answers from a hash
-- table; joining one list with another here would cost their product. Indexes: primary keys.
WITH due AS (
    SELECT t.job_id, f.next_fire_at
    FROM unnest($18::uuid[], $19::int[], $20::timestamptz[], $21::timestamptz[])
        AS f (job_id, job_version, seen_at, next_fire_at)
    JOIN timers AS t ON t.job_id = f.job_id AND t.job_version = f.job_version
        AND t.next_fire_at IS NOT DISTINCT FROM f.seen_at
    WHERE t.next_fire_at <= clock_timestamp()
    FOR UPDATE OF t SKIP LOCKED
), moved AS (
    UPDATE timers AS t
    SET next_fire_at = due.next_fire_at
    FROM due
    WHERE t.job_id = due.job_id AND due.next_fire_at IS NOT NULL
), ended AS (
    DELETE FROM timers AS t USING due WHERE t.job_id = due.job_id AND due.next_fire_at IS NULL RETURNING t.job_id
), unscheduled AS (
    UPDATE jobs AS j
    SET status = 'unscheduled', updated_at = now()
    FROM ended
    WHERE j.id = ended.job_id AND j.status = 'scheduled'
), new_runs AS (
    INSERT INTO runs (id, job_id, job_version, status, reason, message, trigger, params, scheduled_for,
                      open_executions, not_reached, finished_at)
    SELECT id, job_id, job_version, status, reason, message, trigger, params, scheduled_for,
           open_executions, not_reached::jsonb, CASE WHEN open_executions = 0 THEN now() END
    FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::jsonb[],
                $9::timestamptz[], $10::int[], $11::text[])
        AS r (id, job_id, job_version, status, reason, message, trigger, params, scheduled_for,
              open_executions, not_reached)
    WHERE r.job_id NOT IN (SELECT unnest($18::uuid[])) OR r.job_id IN (SELECT due.job_id FROM due)
    ON CONFLICT (id) DO NOTHING
    RETURNING id, job_id, status, trigger
), planned AS (
    SELECT e.*, greatest(now(), e.ready_at) + make_interval(secs => e.queue_timeout_secs) AS expires_at
    FROM unnest($12::uuid[], $13::uuid[], $14::text[], $15::smallint[], $16::float8[], $17::uuid[], $22::text[],
                $23::timestamptz[], $24::uuid[], $25::int[], $26::timestamptz[])
        AS e (id, run_id, route, priority, queue_timeout_secs, agent_id, hold, ready_at, job_id, job_version,
              scheduled_for)
    WHERE (e.run_id IN (SELECT new_runs.id FROM new_runs)) IS TRUE
), new_executions AS (
    INSERT INTO executions (id, run_id, job_id, job_version, status, reason, agent_id)
    SELECT id, run_id, job_id, job_version, CASE hold WHEN 'approval' THEN 'pending_approval' ELSE 'pending' END,
           CASE hold WHEN 'place' THEN 'waiting_for_place' END, agent_id
    FROM planned
), new_queue AS (
    INSERT INTO queue (execution_id, route, priority, ready_at, expires_at, run_id, job_id, job_version, attempt_number,
                       scheduled_for, not_before)
    SELECT id, route, priority, CASE hold WHEN 'place' THEN 'infinity' ELSE ready_at END,
           CASE hold WHEN 'place' THEN 'infinity' ELSE expires_at END, run_id, job_id, job_version, 1, scheduled_for,
           CASE hold WHEN 'place' THEN ready_at END
    FROM planned
    WHERE hold IS NULL OR hold = 'place'
    RETURNING route, priority, position, ready_at
), noted AS (
    INSERT INTO outbox (kind, payload)
    SELECT 'pipeline.run', jsonb_build_object('run_id', r.id)
    FROM new_runs AS r
    CROSS JOIN LATERAL (SELECT FROM job_dependencies AS d WHERE d.parent_id = r.job_id LIMIT 1) AS watched
    WHERE r.status <> 'skipped' AND r.trigger ->> 'pipeline_run_id' IS NULL
)
SELECT id AS run_id, NULL::text AS route, NULL::smallint AS priority, NULL::bigint AS first, NULL::bigint AS count,
       NULL::bigint AS timers
FROM new_runs
UNION ALL
SELECT NULL, route, priority, min(position), count(*), NULL FROM new_queue WHERE ready_at IS NULL GROUP BY route, priority
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, count(*) FROM due

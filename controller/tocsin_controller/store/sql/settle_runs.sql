-- Adds ended executions to their runs; a run ends with its last open execution, and its status says how: by the quorum
-- of its rollout if there is one; when nothing of it ever began it was skipped. Recomputed
-- from the counters, so a late result corrects the run too. A run that ended while others wait for it is
-- noted for the outbox; returns whether any was. $11 is the lowest id, which skips the
-- partitions of earlier days. Index: primary key.
WITH settled AS (
    UPDATE runs AS r
    SET open_executions = r.open_executions + d.open, succeeded = r.succeeded + d.succeeded, failed = r.failed + d.failed,
        timed_out = r.timed_out + d.timed_out, cancelled = r.cancelled + d.cancelled, lost = r.lost + d.lost,
        status = CASE
            WHEN r.open_executions + d.open > 0
                THEN CASE WHEN r.started_at IS NULL AND d.started_age_secs IS NULL THEN r.status ELSE 'running' END
            WHEN r.succeeded + d.succeeded >= (r.rollout ->> 'quorum')::int THEN 'succeeded'
            WHEN r.failed + d.failed > 0 THEN 'failed'
            WHEN r.timed_out + d.timed_out > 0 THEN 'timed_out'
            WHEN r.lost + d.lost > 0 THEN 'lost'
            WHEN r.cancelled + d.cancelled > 0 THEN 'cancelled'
            WHEN r.succeeded + d.succeeded < (r.rollout ->> 'quorum')::int THEN 'failed'
            WHEN r.succeeded + d.succeeded = 0 THEN 'skipped'
            ELSE 'succeeded'
        END,
        reason = CASE
            WHEN r.succeeded + d.succeeded >= (r.rollout ->> 'quorum')::int THEN NULL
            WHEN r.failed + d.failed + r.timed_out + d.timed_out + r.lost + d.lost + r.cancelled + d.cancelled > 0
                OR r.succeeded + d.succeeded = 0 THEN coalesce(d.reason, r.reason)
            WHEN r.open_executions + d.open = 0 AND r.rollout ->> 'quorum' IS NOT NULL THEN 'quorum' END,
        message = CASE
            WHEN r.succeeded + d.succeeded >= (r.rollout ->> 'quorum')::int THEN NULL
            WHEN r.failed + d.failed + r.timed_out + d.timed_out + r.lost + d.lost + r.cancelled + d.cancelled > 0
                OR r.succeeded + d.succeeded = 0 THEN coalesce(d.message, r.message)
            WHEN r.open_executions + d.open = 0 AND r.rollout ->> 'quorum' IS NOT NULL
                THEN format('%s hosts succeeded; the quorum is %s', r.succeeded + d.succeeded, r.rollout ->> 'quorum') END,
        started_at = least(r.started_at, now() - make_interval(secs => d.started_age_secs)),
        finished_at = CASE WHEN r.open_executions + d.open = 0 THEN now() - make_interval(secs => d.age_secs) END
    FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::int[], $6::int[], $7::int[], $8::text[], $9::text[],
                $10::float8[], $12::float8[])
        AS d (run_id, open, succeeded, failed, timed_out, cancelled, lost, reason, message, started_age_secs, age_secs)
    WHERE r.id = d.run_id AND r.id >= $11
    RETURNING r.id, r.job_id, r.open_executions
), noted AS (
    INSERT INTO outbox (kind, payload)
    SELECT 'pipeline.run', jsonb_build_object('run_id', r.id)
    FROM settled AS r
    CROSS JOIN LATERAL (
        (SELECT FROM job_dependencies AS d WHERE d.parent_id = r.job_id LIMIT 1)
        UNION ALL
        (SELECT FROM pipeline_steps AS s WHERE s.run_id = r.id LIMIT 1)
        LIMIT 1
    ) AS watched
    WHERE r.open_executions = 0
    RETURNING id
)
SELECT EXISTS (SELECT FROM noted) AS is_noted

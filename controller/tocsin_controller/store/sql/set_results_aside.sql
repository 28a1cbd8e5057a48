-- Keeps results that are to be judged. The leases go: their agents are done with them. The executions are `running`
-- (or still `lost`, when a result comes late) until they are judged, with the fence and agent whose repeated report is
-- a duplicate (G5). The caller holds the leases, or the rows of the executions. Indexes: primary keys.
WITH r AS (
    SELECT *
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::int[], $6::timestamptz[], $7::uuid[], $8::bigint[],
                $9::float8[], $10::float8[], $11::jsonb[], $12::boolean[], $13::boolean[])
        AS r (execution_id, run_id, job_id, job_version, attempt_number, scheduled_for, agent_id, fence,
              started_age_secs, age_secs, result, is_late, is_cancel_requested)
), released AS (
    DELETE FROM leases AS l USING r WHERE l.execution_id = r.execution_id
), started AS (
    UPDATE executions AS e
    SET status = 'running', agent_id = r.agent_id, fence = r.fence,
        started_at = coalesce(now() - make_interval(secs => r.started_age_secs), e.started_at),
        -- What it waited for is over.
        reason = NULL, message = NULL
    FROM r
    WHERE e.id = r.execution_id AND coalesce(e.status, '') IN ('pending', 'running')
), running AS (
    UPDATE runs AS u
    SET status = 'running', started_at = least(u.started_at, now() - make_interval(secs => r.started_age_secs)),
        reason = NULL, message = NULL
    FROM r
    WHERE u.id = r.run_id AND coalesce(u.status, '') = 'pending'
)
INSERT INTO unjudged_results (execution_id, run_id, job_id, job_version, attempt_number, scheduled_for, agent_id, fence,
                              started_at, finished_at, result, is_late, is_cancel_requested)
SELECT execution_id, run_id, job_id, job_version, attempt_number, scheduled_for, agent_id, fence,
       now() - make_interval(secs => started_age_secs), now() - make_interval(secs => age_secs), result, is_late,
       is_cancel_requested
FROM r
ON CONFLICT (execution_id) DO NOTHING

-- Agents started these: pending becomes running (G7), the fence that did it is kept. The status is wrapped so that
-- the planner can't choose the partial index on status and walk its dead entries. Index: primary key.
WITH s AS (
    SELECT execution_id, run_id, agent_id, fence, now() - make_interval(secs => age_secs) AS started_at
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::float8[])
        AS s (execution_id, run_id, agent_id, fence, age_secs)
), leased AS (
    UPDATE leases SET started = true WHERE execution_id = ANY($1::uuid[])
), started AS (
    UPDATE executions AS e
    SET status = 'running', agent_id = s.agent_id, fence = s.fence, started_at = s.started_at
    FROM s
    WHERE e.id = s.execution_id AND e.id = ANY($1::uuid[]) AND coalesce(e.status, '') = 'pending'
    RETURNING e.run_id, e.started_at
)
UPDATE runs AS r
SET status = 'running', started_at = least(r.started_at, f.started_at)
FROM (SELECT run_id, min(started_at) AS started_at FROM started GROUP BY run_id) AS f
WHERE r.id = f.run_id AND r.id = ANY($2::uuid[]) AND coalesce(r.status, '') IN ('pending', 'running')

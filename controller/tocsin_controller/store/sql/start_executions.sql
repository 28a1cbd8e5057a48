-- Agents started these, and hold the leases named: pending becomes running (G7), the fence that did it is kept.
-- Returns those whose lease is the one named (G6). The status is wrapped so that the planner can't choose the partial
-- index on status and walk its dead entries. $6 and $7 are the lowest ids of executions and runs, which skips the
-- partitions of earlier days. Index: primary key.
WITH s AS (
    SELECT s.*
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::float8[])
        AS s (execution_id, run_id, agent_id, fence, age_secs)
), leased AS (
    UPDATE leases AS l
    SET started = true
    FROM s
    WHERE l.execution_id = s.execution_id AND l.fence = s.fence AND l.agent_id = s.agent_id
    RETURNING s.*
), started AS (
    UPDATE executions AS e
    SET status = 'running', agent_id = s.agent_id, fence = s.fence,
        started_at = now() - make_interval(secs => s.age_secs),
        -- What it waited for is over.
        reason = NULL, message = NULL
    FROM leased AS s
    WHERE e.id = s.execution_id AND e.id >= $6 AND coalesce(e.status, '') = 'pending'
    RETURNING s.run_id, s.age_secs
), running AS (
    UPDATE runs AS r
    SET status = 'running', started_at = least(r.started_at, now() - make_interval(secs => s.age_secs)),
        reason = CASE WHEN r.status <> 'pending' THEN r.reason END,
        message = CASE WHEN r.status <> 'pending' THEN r.message END
    FROM started AS s
    WHERE r.id = s.run_id AND r.id >= $7 AND coalesce(r.status, '') IN ('pending', 'running')
)
SELECT execution_id FROM leased

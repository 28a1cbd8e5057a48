-- Agents started these: pending becomes running (G7), the fence that did it is kept. The status is wrapped so that
-- the planner can't choose the partial index on status and walk its dead entries. $6 to $9 bound the ids of executions
-- and runs, which skips the partitions of other days. Index: primary key.
WITH s AS (
    SELECT execution_id, agent_id, fence, now() - make_interval(secs => age_secs) AS started_at
    FROM unnest($1::uuid[], $3::uuid[], $4::bigint[], $5::float8[]) AS s (execution_id, agent_id, fence, age_secs)
), leased AS (
    UPDATE leases SET started = true WHERE execution_id = ANY($1::uuid[])
), started AS (
    UPDATE executions AS e
    SET status = 'running', agent_id = s.agent_id, fence = s.fence, started_at = s.started_at
    FROM s
    WHERE e.id = s.execution_id AND e.id BETWEEN $6 AND $7 AND coalesce(e.status, '') = 'pending'
    RETURNING e.run_id
)
UPDATE runs AS r
SET status = 'running', started_at = least(r.started_at, now() - make_interval(secs => s.age_secs))
FROM unnest($2::uuid[], $5::float8[]) AS s (run_id, age_secs)
WHERE r.id = s.run_id AND r.id BETWEEN $8 AND $9 AND r.id = ANY(ARRAY(SELECT run_id FROM started))
    AND coalesce(r.status, '') IN ('pending', 'running')

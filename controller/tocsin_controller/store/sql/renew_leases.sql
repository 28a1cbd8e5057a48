-- Agents said that they still have these. Index: primary key.
UPDATE leases AS l
SET expires_at = now() + make_interval(secs => $4)
FROM unnest($1::uuid[], $2::bigint[], $3::uuid[]) AS h (execution_id, fence, agent_id)
WHERE l.execution_id = h.execution_id AND l.fence = h.fence AND l.agent_id = h.agent_id

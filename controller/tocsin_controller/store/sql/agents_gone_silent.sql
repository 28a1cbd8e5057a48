-- Agents whose lease ran out become offline, once, whichever controller notices. Whole table: it is small.
UPDATE agents
SET status = 'offline'
WHERE status <> 'offline' AND lease_expires_at < now()
RETURNING id, name, agent_type

-- Controllers that went away long ago leave no trace in the list of agents. Whole table: it is small.
DELETE FROM agents
WHERE agent_type = 'local' AND lease_expires_at < now() - interval '1 day'
    AND NOT EXISTS (SELECT FROM leases WHERE leases.agent_id = agents.id)

-- The agent with this name or id, locked until its registration is settled. Indexes: agents_name_unique, primary key.
SELECT id, name, agent_type, key_id, incarnation, status, state_mark
FROM agents
WHERE id = $1 OR ($1 IS NULL AND name = $2)
FOR UPDATE

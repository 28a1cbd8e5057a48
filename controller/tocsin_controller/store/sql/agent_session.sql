-- What a controller must know of an agent to hand it work. Index: primary key.
SELECT id, name, agent_type, status, tags, task_types, capacity, incarnation, key_id
FROM agents
WHERE id = $1

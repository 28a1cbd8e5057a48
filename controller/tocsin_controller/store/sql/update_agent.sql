-- An agent introduces itself again. `registered_at` stays. Index: primary key.
UPDATE agents
SET name = $2, agent_type = $3, status = 'online', tags = $4, task_types = $5, hostname = $6, address = $7, port = $8,
    capacity = $9, version = $10, protocol = $11, incarnation = $12, key_id = $13, system_info = $14,
    last_seen_at = now(), lease_expires_at = now() + make_interval(secs => $15), state_mark = $16,
    declared_task_types = $17
WHERE id = $1

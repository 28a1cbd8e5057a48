-- A new agent. Two registrations of one name at once: one of them gets no row and looks again.
INSERT INTO agents (id, name, agent_type, status, tags, task_types, hostname, address, port, capacity, version, protocol,
                    incarnation, key_id, system_info, lease_expires_at, state_mark,
                    declared_task_types)
VALUES ($1, $2, $3, 'online', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, now() + make_interval(secs => $15), $16,
        $17)
ON CONFLICT DO NOTHING
RETURNING id

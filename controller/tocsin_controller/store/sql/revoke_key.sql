-- Ends a key; ending it again changes nothing. Index: primary key.
UPDATE api_keys
SET active = false
WHERE id = $1
RETURNING id, name, role, key_prefix, key_hash, agent_id, active, created_by, created_at, expires_at, last_used_at,
    scopes

-- Stores a key; no row when its hash is there already. Index: api_keys_key_hash_key.
INSERT INTO api_keys (id, name, role, key_prefix, key_hash, agent_id, created_by, expires_at, scopes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (key_hash) DO NOTHING
RETURNING id, name, role, key_prefix, key_hash, agent_id, active, created_by, created_at, expires_at, last_used_at,
    scopes

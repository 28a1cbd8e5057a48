-- The key whose hash was shown, active or not. Index: api_keys_key_hash_key.
SELECT id, name, role, key_prefix, key_hash, agent_id, active, created_by, created_at, expires_at, last_used_at,
    scopes
FROM api_keys
WHERE key_hash = $1

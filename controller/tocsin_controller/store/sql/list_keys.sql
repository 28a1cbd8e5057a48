-- Keys that people made, newest first; agents' own credentials would drown them. Index: primary key, backwards.
SELECT id, name, role, key_prefix, key_hash, agent_id, active, created_by, created_at, expires_at, last_used_at,
    scopes
FROM api_keys
WHERE agent_id IS NULL
ORDER BY id DESC
LIMIT $1

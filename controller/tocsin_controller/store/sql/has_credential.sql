-- Whether this is the credential that the agent traded its key for earlier. Index: api_keys_key_hash_key.
SELECT id FROM api_keys WHERE key_hash = $2 AND agent_id = $1 AND active

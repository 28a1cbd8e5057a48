-- Ends the earlier credentials of an agent, but not the one it shows now. Index: none on agent_id; registration only.
UPDATE api_keys SET active = false WHERE agent_id = $1 AND active AND key_hash <> $2

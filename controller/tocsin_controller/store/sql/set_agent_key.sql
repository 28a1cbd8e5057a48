-- From now on this key speaks for the agent. Index: primary key.
UPDATE agents SET key_id = $2 WHERE id = $1

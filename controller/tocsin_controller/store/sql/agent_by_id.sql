-- One agent. Index: primary key.
SELECT * FROM agents WHERE id = $1 AND agent_type <> 'local'

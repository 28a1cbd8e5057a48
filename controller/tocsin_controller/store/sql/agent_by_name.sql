-- One agent by name. Index: agents_name_unique.
SELECT * FROM agents WHERE name = $1 AND agent_type <> 'local'

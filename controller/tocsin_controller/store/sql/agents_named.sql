-- Ids of agents by name. Index: agents_name_unique.
SELECT id, name FROM agents WHERE name = ANY($1::text[]) AND agent_type <> 'local'

-- Names of agents by id. Index: primary key.
SELECT id, name FROM agents WHERE id = ANY($1::uuid[])

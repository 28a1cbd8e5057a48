-- Whether there is such an agent. Index: primary key.
SELECT 1 FROM agents WHERE id = $1

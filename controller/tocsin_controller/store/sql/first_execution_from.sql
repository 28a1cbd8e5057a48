-- The first execution from an id on. Index: primary key.
SELECT id FROM executions WHERE id >= $1 ORDER BY id LIMIT 1

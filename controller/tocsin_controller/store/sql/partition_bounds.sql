-- Every partition with its bounds, but those that take the rest. The catalogue only.
SELECT p.relname AS parent, c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bounds
FROM pg_class AS c
JOIN pg_inherits AS i ON i.inhrelid = c.oid
JOIN pg_class AS p ON p.oid = i.inhparent
WHERE c.relnamespace = current_schema()::regnamespace AND c.relispartition AND c.relkind = 'r'
    AND pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
ORDER BY c.relname

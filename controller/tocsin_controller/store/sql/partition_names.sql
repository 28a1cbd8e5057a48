-- The partitions of these tables. System catalogue.
SELECT c.relname::text AS name
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
JOIN pg_class AS p ON p.oid = i.inhparent
WHERE p.relname = ANY($1::text[])
ORDER BY c.relname

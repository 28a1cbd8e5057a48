-- Which table's rows must be there before which other's: foreign keys. The catalogue only.
SELECT child.relname AS child, parent.relname AS parent
FROM pg_constraint AS c
JOIN pg_class AS child ON child.oid = c.conrelid
JOIN pg_class AS parent ON parent.oid = c.confrelid
WHERE c.contype = 'f' AND child.relnamespace = current_schema()::regnamespace AND child.oid <> parent.oid

-- The same configurations under another key: nothing that people see changes. Only rows that still hold what was read.
-- Index: primary key.
UPDATE connections AS c
SET sealed = f.fresh, key_id = $4
FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS f (name, sealed, fresh)
WHERE c.name = f.name AND c.sealed = f.sealed

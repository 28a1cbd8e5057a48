-- The same values under another key: nothing that people see changes. Only rows that still hold what was read. Index:
-- primary key.
UPDATE variables AS v
SET sealed = f.fresh, key_id = $4
FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS f (name, sealed, fresh)
WHERE v.name = f.name AND v.sealed = f.sealed

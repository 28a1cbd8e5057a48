-- The same settings under another key. Only rows that still hold what was read. Index: primary key.
UPDATE settings AS s
SET sealed = f.fresh, key_id = $4
FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS f (name, sealed, fresh)
WHERE s.key = f.name AND s.sealed = f.sealed

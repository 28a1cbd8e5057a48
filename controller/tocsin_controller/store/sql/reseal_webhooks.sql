-- The same secrets under another key. Only rows that still hold what was read. Index: primary key.
UPDATE webhooks AS w
SET sealed = f.fresh, key_id = $4
FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS f (name, sealed, fresh)
WHERE w.job_id = f.name::uuid AND w.sealed = f.sealed

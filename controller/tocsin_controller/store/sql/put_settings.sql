-- Sets these settings; returns those that were: not those that are sealed with a key that is known no more.
-- Indexes: primary keys.
INSERT INTO settings (key, value, sealed, key_id, updated_by)
SELECT s.key, s.value, s.sealed, s.key_id, $5
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[]) AS s (key, value, sealed, key_id)
WHERE s.key_id IS NULL OR EXISTS (SELECT FROM encryption_keys AS k WHERE k.key_id = s.key_id FOR KEY SHARE)
ON CONFLICT (key) DO UPDATE
SET value = excluded.value, sealed = excluded.sealed, key_id = excluded.key_id, updated_by = excluded.updated_by,
    updated_at = now()
RETURNING key

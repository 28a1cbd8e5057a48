-- Changes a variable that the caller has locked. No row when the key of a sealed value is known no more. Index: primary
-- keys.
UPDATE variables
SET value = $2, sealed = $3, key_id = $4, expires_at = $5, updated_by = $6, updated_at = now()
WHERE name = $1 AND ($4::bytea IS NULL OR EXISTS (SELECT FROM encryption_keys WHERE key_id = $4 FOR KEY SHARE))
RETURNING name

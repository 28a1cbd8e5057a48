-- Stores a variable. No row when the key of a sealed value is known no more; fails when the name is taken. Holds the
-- key's row, so that it is not retired meanwhile. Index: primary keys.
INSERT INTO variables (name, value, sealed, key_id, expires_at, created_by, updated_by)
SELECT $1, $2, $3, $4, $5, $6, $6
WHERE $4::bytea IS NULL OR EXISTS (SELECT FROM encryption_keys WHERE key_id = $4 FOR KEY SHARE)
RETURNING name

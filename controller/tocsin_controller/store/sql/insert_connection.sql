-- Stores a connection. No row when the key is known no more; fails when the name is taken. Holds the key's row, so that it
-- is not retired meanwhile. Index: primary keys.
INSERT INTO connections (name, conn_type, description, sealed, key_id, created_by, updated_by)
SELECT $1, $2, $3, $4, $5, $6, $6
WHERE EXISTS (SELECT FROM encryption_keys WHERE key_id = $5 FOR KEY SHARE)
RETURNING name

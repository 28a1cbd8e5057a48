-- Changes a connection that the caller has locked. No row when the key is known no more. Index: primary keys.
UPDATE connections
SET conn_type = $2, description = $3, sealed = $4, key_id = $5, updated_by = $6, updated_at = now()
WHERE name = $1 AND EXISTS (SELECT FROM encryption_keys WHERE key_id = $5 FOR KEY SHARE)
RETURNING name

-- The keys that values may be sealed with: a handful. Index: none, the table is tiny.
SELECT key_id, check_value FROM encryption_keys ORDER BY created_at, key_id

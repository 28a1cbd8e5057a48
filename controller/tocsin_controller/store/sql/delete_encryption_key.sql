-- Forgets a key; the caller has locked it and found no uses. Index: primary key.
DELETE FROM encryption_keys WHERE key_id = $1

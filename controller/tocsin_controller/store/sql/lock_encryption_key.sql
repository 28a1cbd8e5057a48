-- Keeps others from sealing with this key until the transaction ends (they hold its row FOR KEY SHARE). Index: primary key.
SELECT key_id FROM encryption_keys WHERE key_id = $1 FOR UPDATE

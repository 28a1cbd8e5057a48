-- Settings that are sealed with another key than this, locked for being sealed anew: a handful. Index: primary key.
SELECT key AS name, sealed
FROM settings
WHERE key_id IS NOT NULL AND key_id <> $1
ORDER BY key
LIMIT $2
FOR UPDATE

-- Connections that are sealed with another key than this, locked for being sealed anew. Index: primary key, in order.
SELECT name, sealed
FROM connections
WHERE key_id <> $1
ORDER BY name
LIMIT $2
FOR UPDATE

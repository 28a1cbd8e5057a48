-- Variables with what is sealed, by name after $1, at most $2. Index: primary key, in order.
SELECT name, value, sealed, expires_at, updated_at
FROM variables
WHERE name > $1 COLLATE "C"
ORDER BY name COLLATE "C"
LIMIT $2

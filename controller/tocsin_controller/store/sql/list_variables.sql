-- Variables by name after $1, with $2 found literally in the name. Index: primary key, in order.
SELECT name, value, sealed IS NOT NULL AS secret, expires_at, updated_at
FROM variables
WHERE name > $1 COLLATE "C" AND ($2::text IS NULL OR strpos(lower(name), lower($2)) > 0)
ORDER BY name COLLATE "C"
LIMIT $3

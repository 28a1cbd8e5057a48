-- Scripts after this name, with their code, so many. Index: primary key.
SELECT name, script_type, code, updated_at
FROM scripts
WHERE name > $1
ORDER BY name
LIMIT $2

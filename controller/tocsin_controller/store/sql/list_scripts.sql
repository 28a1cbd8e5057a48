-- Scripts by name, without their code. Index: primary key; there are at most a thousand.
SELECT name, script_type, octet_length(code) AS size, updated_at
FROM scripts
ORDER BY name
LIMIT $1

-- One script. Index: primary key.
SELECT name, script_type, code, octet_length(code) AS size
FROM scripts
WHERE name = $1

-- One variable with what is sealed, which nobody else changes until the transaction ends. Index: primary key.
SELECT name, value, sealed, sealed IS NOT NULL AS secret, expires_at, updated_at
FROM variables
WHERE name = $1
FOR UPDATE

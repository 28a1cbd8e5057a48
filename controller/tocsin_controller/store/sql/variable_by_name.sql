-- One variable as people see it. Index: primary key.
SELECT name, value, sealed IS NOT NULL AS secret, expires_at, updated_at FROM variables WHERE name = $1

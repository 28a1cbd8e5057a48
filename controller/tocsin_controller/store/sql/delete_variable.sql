-- Deletes a variable; no row when there is none. Index: primary key.
DELETE FROM variables WHERE name = $1 RETURNING name

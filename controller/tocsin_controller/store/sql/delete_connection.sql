-- Deletes a connection that the caller has locked. Index: primary key.
DELETE FROM connections WHERE name = $1

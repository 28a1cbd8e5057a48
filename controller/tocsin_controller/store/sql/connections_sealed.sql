-- These connections with what is sealed. Index: primary key.
SELECT name, conn_type, sealed FROM connections WHERE name = ANY($1::text[])

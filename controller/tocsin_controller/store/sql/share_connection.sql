-- The type of a connection, which nobody changes or deletes until the transaction ends. Index: primary key.
SELECT conn_type FROM connections WHERE name = $1 FOR SHARE

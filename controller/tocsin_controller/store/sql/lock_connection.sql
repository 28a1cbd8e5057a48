-- One connection, which nobody else changes or begins to use until the transaction ends. Index: primary key.
SELECT name, conn_type, description, sealed, updated_at FROM connections WHERE name = $1 FOR UPDATE

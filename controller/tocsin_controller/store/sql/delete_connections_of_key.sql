-- Deletes what can never be read again because its key is lost. Index: connections_by_key.
DELETE FROM connections WHERE key_id = $1 RETURNING name

-- Deletes what can never be read again because its key is lost. Index: variables_by_key.
DELETE FROM variables WHERE key_id = $1 RETURNING name

-- Deletes settings that can never be read again because their key is lost. Index: settings_by_key.
DELETE FROM settings WHERE key_id = $1 RETURNING key AS name

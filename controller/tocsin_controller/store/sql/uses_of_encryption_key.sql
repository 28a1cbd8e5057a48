-- How many values are sealed with a key. Indexes: variables_by_key, webhooks_by_key, connections_by_key, settings_by_key.
SELECT (SELECT count(*) FROM variables WHERE key_id = $1)
     + (SELECT count(*) FROM webhooks WHERE key_id = $1)
     + (SELECT count(*) FROM connections WHERE key_id = $1)
     + (SELECT count(*) FROM settings WHERE key_id = $1)

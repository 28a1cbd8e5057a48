-- Makes a key known; of several controllers that start at once the first does. Index: primary key.
INSERT INTO encryption_keys (key_id, check_value) VALUES ($1, $2) ON CONFLICT (key_id) DO NOTHING

-- Unpairs an agent; its credential stops working. Index: primary key, api_keys by scan (rare).
WITH revoked AS (UPDATE api_keys SET active = false WHERE agent_id = $1)
DELETE FROM agents WHERE id = $1 RETURNING name

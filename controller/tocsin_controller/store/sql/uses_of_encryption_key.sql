-- How many values are sealed with a key. Index: variables_by_key.
SELECT count(*) FROM variables WHERE key_id = $1

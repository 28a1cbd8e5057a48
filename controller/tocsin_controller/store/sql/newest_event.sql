-- The id of the newest event. Index: primary key, backwards.
SELECT id FROM events ORDER BY id DESC LIMIT 1

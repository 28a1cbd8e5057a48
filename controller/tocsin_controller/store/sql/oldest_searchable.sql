-- The oldest execution that can be found. Index: primary key.
SELECT id FROM output_search ORDER BY id LIMIT 1

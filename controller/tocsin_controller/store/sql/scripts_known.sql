-- Which of these names scripts have. Index: primary key.
SELECT name FROM scripts WHERE name = ANY($1::text[])

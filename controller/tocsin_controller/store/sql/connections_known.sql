-- Which of these names connections have. Index: primary key.
SELECT name FROM connections WHERE name = ANY($1::text[])

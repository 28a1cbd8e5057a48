-- Which of these names variables have. Index: primary key.
SELECT name FROM variables WHERE name = ANY($1::text[])

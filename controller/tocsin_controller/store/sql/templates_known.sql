-- Which of these names templates have. Index: primary key.
SELECT name FROM templates WHERE name = ANY($1::text[])

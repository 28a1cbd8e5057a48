-- Which of these runs there are, and how they stand. Index: primary key.
SELECT id, status FROM runs WHERE id = ANY($1::uuid[])

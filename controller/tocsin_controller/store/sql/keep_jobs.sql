-- Which of these jobs still exist; none of them is deleted until the transaction ends. Index: primary key.
SELECT id FROM jobs WHERE id = ANY($1::uuid[]) ORDER BY id FOR KEY SHARE

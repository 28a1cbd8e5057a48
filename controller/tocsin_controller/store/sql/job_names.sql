-- Names of jobs by id. Index: primary key.
SELECT id, name FROM jobs WHERE id = ANY($1::uuid[])

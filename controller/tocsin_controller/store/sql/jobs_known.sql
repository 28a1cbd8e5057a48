-- Which of these ids and names jobs have. Index: primary key, jobs_name_unique.
SELECT id, name FROM jobs WHERE id = ANY($1::uuid[]) OR name = ANY($2::text[])

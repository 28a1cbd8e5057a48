-- Which of these jobs exist, by id or by name. Indexes: primary key, jobs_name_unique.
SELECT id, name FROM jobs WHERE id = ANY($1::uuid[])
UNION
SELECT id, name FROM jobs WHERE name = ANY($2::text[])

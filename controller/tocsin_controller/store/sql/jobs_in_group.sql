-- Which of these jobs are in a group. Index: primary key.
SELECT id FROM jobs WHERE id = ANY($1::uuid[]) AND group_name = $2

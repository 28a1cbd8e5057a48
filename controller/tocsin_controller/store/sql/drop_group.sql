-- The group goes unless jobs are in it. Index: primary key.
DELETE FROM job_groups WHERE name = $1 RETURNING name

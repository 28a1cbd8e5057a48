-- Every group in use, one index probe per group however many jobs there are. Index: jobs_by_group.
WITH RECURSIVE groups AS (
    (SELECT group_name AS name FROM jobs ORDER BY group_name LIMIT 1)
    UNION ALL
    SELECT (SELECT group_name FROM jobs WHERE group_name > groups.name ORDER BY group_name LIMIT 1)
    FROM groups
    WHERE groups.name IS NOT NULL
)
SELECT name FROM groups WHERE name IS NOT NULL

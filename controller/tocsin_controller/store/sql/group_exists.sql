-- Whether the group has jobs or was made. Indexes: jobs_by_group, primary key.
SELECT EXISTS (SELECT FROM jobs WHERE group_name = $1) OR EXISTS (SELECT FROM job_groups WHERE name = $1)

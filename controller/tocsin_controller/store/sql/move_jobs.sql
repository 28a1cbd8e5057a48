-- Moves these jobs, or those of a group, into another one: each a saved change, which its timer fires from now on.
-- Returns how many there are; those that are in it already stay as they are. Comes after lock_timers. Indexes: primary
-- keys, jobs_by_group.
WITH moved AS (
    UPDATE jobs AS j
    SET group_name = $3, version = version + 1, definition = jsonb_set(definition, '{group}', to_jsonb($3::text)),
        updated_at = now()
    WHERE (j.id = ANY($1::uuid[]) OR j.group_name = $2) AND j.group_name <> $3
    RETURNING id, version, definition
), versions AS (
    INSERT INTO job_versions (job_id, version, definition, changed_by)
    SELECT id, version, definition, $4 FROM moved
), timed AS (
    UPDATE timers AS t SET job_version = m.version FROM moved AS m WHERE t.job_id = m.id
)
SELECT count(*) FROM jobs WHERE id = ANY($1::uuid[]) OR group_name = $2

-- These runs wait for approval from now on, each for so many seconds (NULL: for ever). Index: primary keys.
WITH asked AS (
    INSERT INTO approvals (run_id, job_id, job_version, expires_at)
    SELECT run_id, job_id, job_version, now() + make_interval(secs => expires_secs)
    FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::float8[]) AS a (run_id, job_id, job_version, expires_secs)
    ON CONFLICT (run_id) DO NOTHING
    RETURNING run_id, asked_at, expires_at
)
UPDATE runs AS r
SET approval = jsonb_build_object('status', 'pending', 'asked_at', asked.asked_at, 'expires_at', asked.expires_at)
FROM asked
WHERE r.id = asked.run_id AND r.id = ANY($1::uuid[])

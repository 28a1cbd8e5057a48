-- What runs need: each holds all of its keys from now on, or waits for all of them. Index: primary key.
INSERT INTO places (run_id, key, job_id, job_version, at_most, is_replacing, held_at)
SELECT run_id, key, job_id, job_version, at_most, is_replacing, CASE WHEN is_held THEN now() END
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::int[], $6::boolean[], $7::boolean[])
    AS p (run_id, key, job_id, job_version, at_most, is_replacing, is_held)
ON CONFLICT (run_id, key) DO NOTHING

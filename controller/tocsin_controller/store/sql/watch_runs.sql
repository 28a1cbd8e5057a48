-- These runs are looked at so long after they were due (NULL: are made now). Index: primary key.
INSERT INTO watches (job_id, kind, run_id, due_at)
SELECT job_id, kind, run_id, coalesce(since, now()) + make_interval(secs => secs)
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::float8[]) AS w (job_id, kind, run_id, since, secs)
ON CONFLICT (job_id, kind, run_id) DO NOTHING

-- What is to be looked at, and when (NULL: not before something changes); instead of what was to be before.
-- Index: primary key.
INSERT INTO watches (job_id, kind, run_id, due_at, about)
SELECT job_id, kind, run_id, coalesce(due_at, 'infinity'), about
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::timestamptz[])
    AS w (job_id, kind, run_id, due_at, about)
ON CONFLICT (job_id, kind, run_id) DO UPDATE SET due_at = excluded.due_at, about = excluded.about

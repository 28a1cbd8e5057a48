-- These need not be looked at any more. Index: primary key.
DELETE FROM watches AS w
USING unnest($1::uuid[], $2::text[], $3::uuid[]) AS d (job_id, kind, run_id)
WHERE w.job_id = d.job_id AND w.kind = d.kind AND w.run_id = d.run_id

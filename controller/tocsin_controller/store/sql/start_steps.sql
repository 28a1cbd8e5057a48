-- These steps have a (new) run. The caller holds the lock of their pipeline runs. Index: primary key.
UPDATE pipeline_steps AS s
SET run_id = n.run_id, cause = n.cause, starts = s.starts + 1, is_open = true
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) AS n (pipeline_run_id, job_id, run_id, cause)
WHERE s.pipeline_run_id = n.pipeline_run_id AND s.job_id = n.job_id

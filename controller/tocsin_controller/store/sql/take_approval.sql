-- The right to decide about a run, for one: the row goes, and nobody finds it again. Index: primary key.
DELETE FROM approvals WHERE run_id = $1 RETURNING job_id, job_version

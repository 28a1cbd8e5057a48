-- Keeps what was added up of these jobs up to an execution, unless more is added up already: whoever adds up to the same one
-- comes to the same. Jobs that are gone are left out. Index: primary keys.
INSERT INTO dkron_counts AS kept (job_id, upto, succeeded, failed, last_success, last_error)
SELECT w.job_id, w.upto, w.succeeded, w.failed, w.last_success, w.last_error
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[])
     AS w (job_id, upto, succeeded, failed, last_success, last_error)
JOIN jobs AS j ON j.id = w.job_id
ORDER BY w.job_id
FOR KEY SHARE OF j
ON CONFLICT (job_id) DO UPDATE
SET upto = excluded.upto, succeeded = excluded.succeeded, failed = excluded.failed,
    last_success = excluded.last_success, last_error = excluded.last_error
WHERE kept.upto < excluded.upto

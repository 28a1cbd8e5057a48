-- Definitions by (job, version); they never change once written, so they are cached for ever. Index: primary key.
SELECT v.job_id, v.version, v.definition
FROM unnest($1::uuid[], $2::int[]) AS w (job_id, version)
JOIN job_versions AS v ON v.job_id = w.job_id AND v.version = w.version

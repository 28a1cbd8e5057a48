-- A run of the job succeeded: none is missing for so long. Index: primary key.
UPDATE watches SET due_at = now() + make_interval(secs => $2) WHERE job_id = $1 AND kind = 'missing'

-- What the lost part of the database may have handed out, and no agent has come back with for as long as its job says;
-- each with the fence that the epoch begins below (40 = EPOCH_SHIFT): older ones are worth nothing then (G6).
-- Index: queue_uncertain.
SELECT q.execution_id, q.run_id, q.job_id, q.job_version, q.attempt_number, q.route, q.scheduled_for,
       (SELECT epoch << 40 FROM cluster) AS fence,
       EXISTS (SELECT FROM agents AS a WHERE q.route = 'agent:' || a.id AND a.agent_type = 'custom') AS may_run_on
FROM unnest($1::uuid[], $2::int[], $3::float8[]) AS j (job_id, job_version, patience_secs)
JOIN queue AS q ON q.job_id = j.job_id AND q.job_version = j.job_version
WHERE q.uncertain_since < now() - make_interval(secs => j.patience_secs)
ORDER BY q.execution_id
LIMIT 500

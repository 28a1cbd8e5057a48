-- Everything these agents are believed to have. Index: leases_by_agent.
SELECT execution_id, agent_id, fence, incarnation, seq, run_id, job_id, job_version, attempt_number, scheduled_for,
       started, cancel_requested_at IS NOT NULL AS is_cancel_requested,
       extract(epoch FROM now() - handed_at)::float8 AS age_secs
FROM leases
WHERE agent_id = ANY($1::uuid[])

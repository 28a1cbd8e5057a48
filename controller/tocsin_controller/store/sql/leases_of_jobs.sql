-- What these agents have of these jobs, and whether it counts. Index: leases_by_agent.
SELECT execution_id, agent_id, job_id, is_counted OR started AS is_counted
FROM leases
WHERE agent_id = ANY($1::uuid[]) AND job_id = ANY($2::uuid[])

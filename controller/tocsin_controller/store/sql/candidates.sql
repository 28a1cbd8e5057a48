-- Every agent with what decides whether it gets work, and how much it has, by name. Whole tables: `agents` is small, and
-- `leases` has as many rows as executions that agents have right now. Index: leases_by_agent.
SELECT a.id, a.name, a.agent_type, a.status, a.tags, a.task_types, a.capacity, a.last_seen_at, coalesce(l.busy, 0) AS busy
FROM agents AS a
LEFT JOIN (SELECT agent_id, count(*) AS busy FROM leases GROUP BY agent_id) AS l ON l.agent_id = a.id
ORDER BY a.name

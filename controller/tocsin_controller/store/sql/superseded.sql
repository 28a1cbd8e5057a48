-- Which of these processes are not their agents' any more: a newer one has registered, or the agent was removed. Counted
-- from 1. Index: primary key.
SELECT c.number
FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS c (agent_id, incarnation, number)
LEFT JOIN agents AS a ON a.id = c.agent_id
WHERE a.incarnation IS DISTINCT FROM c.incarnation

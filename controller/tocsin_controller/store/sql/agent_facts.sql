-- What decides who takes part in an `all` run, for every agent. Whole table: it is small.
SELECT id, name, agent_type, status, tags, task_types
FROM agents
ORDER BY name

-- How many agents there are by status, those inside controllers aside. A row per agent.
SELECT status, count(*) AS count FROM agents WHERE agent_type <> 'local' GROUP BY status

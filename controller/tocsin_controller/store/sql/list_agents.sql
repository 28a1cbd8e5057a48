-- Agents by name; those inside controllers are not shown. Whole table: it is small.
SELECT * FROM agents WHERE agent_type <> 'local' ORDER BY name

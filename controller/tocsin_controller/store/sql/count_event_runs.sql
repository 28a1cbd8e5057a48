-- Adds runs to those that an event has brought about; how many there are now. Index: primary key.
INSERT INTO event_chains (root_id, runs) VALUES ($1, $2)
ON CONFLICT (root_id) DO UPDATE SET runs = event_chains.runs + excluded.runs
RETURNING runs

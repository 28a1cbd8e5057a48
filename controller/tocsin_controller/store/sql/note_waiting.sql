-- The run waits for a place, for people to see. Index: primary key.
UPDATE runs SET reason = 'waiting_for_place', message = $2 WHERE id = $1 AND finished_at IS NULL

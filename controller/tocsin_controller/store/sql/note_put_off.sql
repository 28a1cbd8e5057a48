-- A run waits for the end of a blackout. Index: primary key.
UPDATE runs SET reason = 'blackout', message = $2 WHERE id = $1

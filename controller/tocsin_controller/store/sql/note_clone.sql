-- Remembers which older mark a copy of an agent's state directory showed; a row when that was not known yet.
-- Index: primary key.
UPDATE agents SET cloned_mark = $2 WHERE id = $1 AND cloned_mark IS DISTINCT FROM $2 RETURNING id

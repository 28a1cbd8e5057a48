-- Locks runs that others may be settling too, in one order, so that nobody waits in a circle. Index: primary key.
SELECT id FROM runs WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE

-- Wakes the other controllers. A statement (so a transaction) of its own: never beside other writes.
SELECT pg_notify($1, $2)

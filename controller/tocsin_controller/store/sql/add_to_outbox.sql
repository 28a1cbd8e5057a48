-- Notes what is to be done, in the transaction of what it follows from: both are there or neither. Index: none.
INSERT INTO outbox (kind, payload, due_at)
SELECT $1, payload, now() + make_interval(secs => $3) FROM unnest($2::jsonb[]) AS p (payload)

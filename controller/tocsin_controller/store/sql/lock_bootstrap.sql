-- One controller at a time makes the first keys; the lock ends with the transaction.
SELECT pg_advisory_xact_lock(8460151001)

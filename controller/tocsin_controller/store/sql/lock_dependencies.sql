-- One writer of dependencies at a time, until the transaction ends: what was checked (existence, no cycle, no dependents)
-- still holds when it is written. Comes after lock_job. Index: none.
SELECT pg_advisory_xact_lock(1953459571, 21)

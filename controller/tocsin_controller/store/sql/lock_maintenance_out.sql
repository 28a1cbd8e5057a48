-- While this connection lives no round of maintenance begins; waits for one that is going on. Index: none.
SELECT pg_advisory_lock_shared(7305601438)

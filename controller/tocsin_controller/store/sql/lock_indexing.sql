-- One controller at a time fills the search; the lock goes with the transaction. True: it is ours.
SELECT pg_try_advisory_xact_lock(7305601440)

-- One controller at a time counts; the lock goes with the transaction. True: it is ours.
SELECT pg_try_advisory_xact_lock(7305601439)

-- One controller at a time does maintenance; the lock goes with the transaction. True: it is ours.
SELECT pg_try_advisory_xact_lock(7305601438)

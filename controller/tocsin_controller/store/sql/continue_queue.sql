-- The next place in the queue comes after all that were copied in. Index: none (once, after a restore).
SELECT setval(pg_get_serial_sequence('queue', 'position'), (SELECT coalesce(max(position), 0) + 1 FROM queue), false)
